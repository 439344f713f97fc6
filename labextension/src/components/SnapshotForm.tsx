import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { nameOf } from '../catalogue';
import type { IModel, IRows, ISnapshotOrder } from '../documents';
import { Form } from './Form';
import { Choice, Row } from './parts';

/** Asks for what a snapshot needs: its name, the rows that the model takes, perhaps the right answers. */
export function SnapshotForm(props: {
  model: IModel;
  data: readonly IRows[];
  notebook: string;
  submit: (order: ISnapshotOrder) => Promise<void>;
  cancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  const [name, setName] = React.useState(model.suggestion || nameOf(props.notebook));
  const [data, setData] = React.useState(model.data);
  const [labels, setLabels] = React.useState(model.labels);
  const rows = props.data.find(each => each.name === data)?.shape[0];
  const fitting = props.data.filter(each => each.shape[0] === rows && each.name !== data);
  const answers = fitting.some(each => each.name === labels) ? labels : '';
  return (
    <Form
      label={trans.__('Snapshot %1', model.name)}
      action={trans.__('Snapshot')}
      busy={trans.__('Rehearsing…')}
      submit={() => props.submit({ model: model.name, name: name.trim(), data, labels: answers })}
      cancel={props.cancel}
      trans={trans}
    >
      <Row label={trans.__('Name')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            value={name}
            required
            autoFocus
            spellCheck={false}
            autoComplete="off"
            placeholder={trans.__('for example churn')}
            onChange={event => setName(event.target.value)}
          />
        )}
      </Row>
      <Row label={trans.__('Rows (X)')}>
        {id => (
          <Choice
            id={id}
            value={data}
            required
            onChange={setData}
            options={[{ value: '', label: trans.__('choose…') }, ...props.data.map(optionOf)]}
          />
        )}
      </Row>
      <Row label={trans.__('Answers (y)')}>
        {id => (
          <Choice
            id={id}
            value={answers}
            onChange={setLabels}
            options={[{ value: '', label: trans.__('none') }, ...fitting.map(optionOf)]}
          />
        )}
      </Row>
    </Form>
  );
}

function optionOf({ name, shape }: IRows): { value: string; label: string } {
  return { value: name, label: `${name}  (${shape.join(' × ')})` };
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { type IEntry, refsOf } from '../catalogue';
import type { IPushOrder, ITarget } from '../documents';
import { Form } from './Form';
import { Choice, Row } from './parts';

const LOCAL = 'local';

/** Asks which version goes where, and under which name. */
export function PushForm(props: {
  entry: IEntry;
  targets: readonly ITarget[];
  submit: (order: IPushOrder) => Promise<void>;
  cancel: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { entry, targets, trans } = props;
  const refs = refsOf(entry);
  const places = [...new Set([LOCAL, ...targets.map(({ target }) => target)])];
  const [ref, setRef] = React.useState(refs[0] ?? entry.name);
  const [target, setTarget] = React.useState(LOCAL);
  const [deployment, setDeployment] = React.useState(entry.name);
  const isLocalDown = target === LOCAL && !targets.some(each => each.target === LOCAL && each.healthy);
  return (
    <Form
      label={trans.__('Push %1', entry.name)}
      action={trans.__('Push')}
      busy={trans.__('Pushing…')}
      submit={() => props.submit(orderOf(entry, ref, target, deployment.trim()))}
      cancel={props.cancel}
      trans={trans}
    >
      <Row label={trans.__('Version')}>
        {id => <Choice id={id} value={ref} onChange={setRef} options={refs.map(same)} />}
      </Row>
      <Row
        label={trans.__('Target')}
        hint={isLocalDown ? trans.__('An endpoint starts on this machine.') : ''}
      >
        {id => <Choice id={id} value={target} onChange={setTarget} options={places.map(same)} />}
      </Row>
      <Row label={trans.__('Deploy as')}>
        {id => (
          <input
            id={id}
            className="jp-mod-styled"
            value={deployment}
            required
            spellCheck={false}
            autoComplete="off"
            onChange={event => setDeployment(event.target.value)}
          />
        )}
      </Row>
    </Form>
  );
}

/** A name that the user typed here is meant, so it may be new. */
function orderOf(entry: IEntry, ref: string, target: string, deployment: string): IPushOrder {
  const isOther = deployment !== entry.name;
  return { ref, to: isOther ? `${target}/${deployment}` : target, new: isOther };
}

function same(value: string): { value: string; label: string } {
  return { value, label: value };
}

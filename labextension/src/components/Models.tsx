import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IModel } from '../documents';
import type { IDeployActions, IDeployState } from '../model';
import { Done, Empty, Failure, Section } from './parts';
import { SnapshotForm } from './SnapshotForm';

/** The fitted models in the notebook's kernel, each with a way into the store. */
export function Models(props: {
  state: IDeployState;
  actions: IDeployActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, trans } = props;
  const { value, error } = state.found;
  const [open, setOpen] = React.useState('');
  const [done, setDone] = React.useState('');
  const choose = (name: string): void => {
    setOpen(name);
    setDone('');
  };
  return (
    <Section title={trans.__('Models in this notebook')} count={value.models.length}>
      <Failure message={error} />
      {value.models.length === 0 && !error ? <Empty>{whyNone(state, trans)}</Empty> : null}
      <ul className="nbd-List" aria-label={trans.__('Fitted models')}>
        {value.models.map(model => (
          <li key={model.name} className="nbd-Item">
            <ModelLine model={model} isOpen={open === model.name} choose={choose} trans={trans} />
            {open === model.name ? (
              <SnapshotForm
                model={model}
                data={value.data}
                notebook={state.notebook?.name ?? ''}
                submit={async order => {
                  const made = await actions.snapshot(order);
                  choose('');
                  setDone(trans.__('%1 is stored. Next: push it to a target.', `${made.name}:${made.version}`));
                }}
                cancel={() => choose('')}
                trans={trans}
              />
            ) : null}
          </li>
        ))}
      </ul>
      <Done message={done} />
    </Section>
  );
}

function ModelLine(props: {
  model: IModel;
  isOpen: boolean;
  choose: (name: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  return (
    <div className="nbd-Line">
      <div className="nbd-Line-text">
        <code className="nbd-Line-name" title={model.name}>
          {model.name}
        </code>
        <span className="nbd-Line-detail">{model.type}</span>
      </div>
      {props.isOpen ? null : (
        <button
          type="button"
          className="nbd-Button"
          aria-label={trans.__('Snapshot %1', model.name)}
          onClick={() => props.choose(model.name)}
        >
          {trans.__('Snapshot')}
        </button>
      )}
    </div>
  );
}

function whyNone({ notebook, found }: IDeployState, trans: TranslationBundle): string {
  if (!notebook) {
    return trans.__('No notebook is open. Open one that trains a model.');
  }
  if (!notebook.hasKernel) {
    return trans.__('%1 has no running kernel. Start one and run the cells that train a model.', notebook.name);
  }
  if (!found.known) {
    return trans.__('Waiting for the kernel of %1…', notebook.name);
  }
  return trans.__('No fitted model in %1 yet. Run the cells that train one.', notebook.name);
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IModel } from '../documents';
import type { IDeployActions, IDeployState } from '../model';
import { Items } from './Items';
import { Empty, Failure, Section } from './parts';
import { SnapshotForm } from './SnapshotForm';

/** The fitted models in the notebook's kernel, each with a way into the store. */
export function Models(props: {
  state: IDeployState;
  actions: IDeployActions;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, trans } = props;
  const { value, error } = state.found;
  return (
    <Section title={trans.__('Models in this notebook')} count={value.models.length}>
      <Failure message={error} />
      {value.models.length === 0 && !error ? <Empty>{whyNone(state, trans)}</Empty> : null}
      <Items
        label={trans.__('Fitted models')}
        items={value.models}
        action={trans.__('Snapshot')}
        actionOn={name => trans.__('Snapshot %1', name)}
        line={line}
        form={(model, { done, cancel }) => (
          <SnapshotForm
            model={model}
            data={value.data}
            notebook={state.notebook?.name ?? ''}
            submit={async order => {
              const made = await actions.snapshot(order);
              done(trans.__('%1 is stored. Next: push it to a target.', `${made.name}:${made.version}`));
            }}
            cancel={cancel}
            trans={trans}
          />
        )}
      />
    </Section>
  );
}

function line(model: IModel): React.ReactNode {
  return (
    <>
      <code className="nbd-Line-name" title={model.name}>
        {model.name}
      </code>
      <span className="nbd-Line-detail">{model.type}</span>
    </>
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

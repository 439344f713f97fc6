import type { TranslationBundle } from '@jupyterlab/translation';
import { refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IDeployActions, IDeployState } from '../model';
import { Models } from './Models';
import { IconButton } from './parts';
import { Runs } from './Runs';
import { Schedules } from './Schedules';
import { Snapshots } from './Snapshots';
import { Targets } from './Targets';

/** The whole panel, in the order in which a model travels. */
export function Deploy(props: {
  state: IDeployState;
  actions: IDeployActions;
  open: (path: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, actions, open, trans } = props;
  return (
    <>
      <header className="nbd-Header">
        <h1>{trans.__('Deploy')}</h1>
        <IconButton icon={refreshIcon} label={trans.__('Refresh')} onClick={() => actions.refresh()} />
      </header>
      <div className="nbd-Body">
        <Models key={state.notebook?.path ?? ''} state={state} actions={actions} trans={trans} />
        <Snapshots state={state} actions={actions} trans={trans} />
        <Targets state={state} trans={trans} />
        <Runs state={state} actions={actions} open={open} trans={trans} />
        <Schedules state={state} actions={actions} trans={trans} />
      </div>
    </>
  );
}

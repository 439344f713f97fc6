import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IDeployActions, IDeployState } from '../model';
import { Empty, Failure, Section } from './parts';
import { RunLine } from './RunLine';
import { Start } from './Start';

const SHOWN = 5;

/** The runs of notebooks, and a way to start one. */
export function Runs(props: {
  state: IDeployState;
  actions: IDeployActions;
  open: (path: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, trans } = props;
  const { value, error, known } = state.runs;
  const [all, setAll] = React.useState(false);
  return (
    <Section title={trans.__('Runs')} count={value.length}>
      {state.notebook ? (
        <Start key={state.notebook.path} notebook={state.notebook.name} actions={props.actions} trans={trans} />
      ) : null}
      <Failure message={error} />
      {known && value.length === 0 ? (
        <Empty>
          {state.notebook
            ? trans.__('No runs yet. A run executes the saved notebook in a process of its own.')
            : trans.__('No runs yet. Open a notebook to run it.')}
        </Empty>
      ) : null}
      <ul className="nbd-List" aria-label={trans.__('Runs')}>
        {(all ? value : value.slice(0, SHOWN)).map(run => (
          <li key={run.id} className="nbd-Item">
            <RunLine run={run} log={state.log} actions={props.actions} open={props.open} trans={trans} />
          </li>
        ))}
      </ul>
      {!all && value.length > SHOWN ? (
        <button type="button" className="nbd-Link" onClick={() => setAll(true)}>
          {trans.__('Show all %1', value.length)}
        </button>
      ) : null}
    </Section>
  );
}

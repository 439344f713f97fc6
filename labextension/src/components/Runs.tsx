import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { notebookIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IParameter, IRun } from '../documents';
import { type IDeployActions, type IDeployState, isActive } from '../model';
import { messageOf } from '../resource';
import { failureOf } from '../wording';
import { durationOf, timeOf } from './format';
import { Empty, Failure, IconButton, Section } from './parts';
import { RunForm } from './RunForm';

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
            <RunLine run={run} open={props.open} trans={trans} />
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

/** The button that runs the open notebook; it becomes a form once the parameters are read. */
function Start(props: { notebook: string; actions: IDeployActions; trans: TranslationBundle }): JSX.Element {
  const { actions, notebook, trans } = props;
  const [parameters, setParameters] = React.useState<readonly IParameter[] | null>(null);
  const [error, setError] = React.useState('');
  const ask = async (): Promise<void> => {
    setError('');
    try {
      setParameters(await actions.parameters());
    } catch (reason) {
      setError(messageOf(reason));
    }
  };
  if (parameters) {
    return (
      <RunForm
        notebook={notebook}
        parameters={parameters}
        submit={async order => {
          await actions.run(order);
          setParameters(null);
        }}
        cancel={() => setParameters(null)}
        trans={trans}
      />
    );
  }
  return (
    <>
      <button type="button" className="nbd-Button nbd-mod-wide" onClick={() => void ask()}>
        {trans.__('Run %1…', notebook)}
      </button>
      <Failure message={error} />
    </>
  );
}

function RunLine(props: { run: IRun; open: (path: string) => void; trans: TranslationBundle }): JSX.Element {
  const { run, trans } = props;
  const { opens } = run;
  return (
    <>
      <div className="nbd-Line">
        <div className="nbd-Line-text">
          <span className="nbd-Line-name" title={run.notebook}>
            <span className={`nbd-Dot ${DOTS[run.status] ?? ''}`} aria-hidden="true" />
            {PathExt.basename(run.notebook)}
          </span>
          <span className="nbd-Line-detail">{statusOf(run, trans)}</span>
        </div>
        {opens ? (
          <IconButton
            icon={notebookIcon}
            label={trans.__('Open the executed notebook')}
            onClick={() => props.open(opens)}
          />
        ) : null}
      </div>
      {isActive(run) ? (
        <progress
          aria-label={trans.__('Progress of %1', PathExt.basename(run.notebook))}
          max={run.progress?.total ?? undefined}
          value={run.progress?.total ? run.progress.done : undefined}
        />
      ) : null}
      {run.error ? <p className="nbd-Message nbd-mod-error">{failureOf(run.error, trans)}</p> : null}
    </>
  );
}

const DOTS: Partial<Record<IRun['status'], string>> = {
  succeeded: 'nbd-mod-good',
  failed: 'nbd-mod-bad',
  lost: 'nbd-mod-bad',
  running: 'nbd-mod-busy'
};

function statusOf(run: IRun, trans: TranslationBundle): string {
  const { progress } = run;
  if (isActive(run) && progress?.total) {
    return trans.__('%1 of %2 cells', progress.done, progress.total);
  }
  const words = {
    queued: trans.__('queued'),
    running: trans.__('starting'),
    succeeded: trans.__('succeeded'),
    failed: trans.__('failed'),
    stopped: trans.__('stopped'),
    lost: trans.__('lost: its process vanished')
  };
  const took = run.seconds === null ? '' : durationOf(run.seconds);
  return [words[run.status], took, timeOf(run.created)].filter(Boolean).join(' · ');
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { listIcon, notebookIcon, redoIcon, stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { IRun } from '../documents';
import type { IShownLog } from '../log';
import { type IDeployActions, isActive } from '../model';
import type { ILoaded } from '../resource';
import { failureOf, hasWorked, statusOf, subjectOf } from '../wording';
import { useAttempt } from './attempt';
import { numberOf } from './format';
import { Log } from './Log';
import { Failure, IconButton } from './parts';
import { StopForm } from './StopForm';

/** One run: how it stands, what it published, and what can be done with it. */
export function RunLine(props: {
  run: IRun;
  log: ILoaded<IShownLog>;
  actions: IDeployActions;
  open: (path: string) => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { run, actions, trans } = props;
  const [asked, setAsked] = React.useState(false);
  const { busy, error, make } = useAttempt();
  const subject = subjectOf(run);
  const logged = props.log.value.run === run.id;
  const active = isActive(run);
  const stop = (): void => {
    if (hasWorked(run)) {
      setAsked(!asked);
    } else {
      void make(() => actions.stop(run.id, 'stopped'));
    }
  };
  return (
    <>
      <div className="nbd-Line">
        <div className="nbd-Line-text">
          <span className="nbd-Line-name" title={run.notebook ?? subject}>
            <span className={`nbd-Dot ${DOTS[run.status] ?? ''}`} aria-hidden="true" />
            {subject}
          </span>
          <span className="nbd-Line-detail">
            {[statusOf(run, trans), run.schedule ?? ''].filter(Boolean).join(' · ')}
          </span>
        </div>
        <div className="nbd-Buttons">
          <IconButton
            icon={listIcon}
            label={trans.__('Log of %1', subject)}
            expanded={logged}
            onClick={() => actions.showLog(logged ? '' : run.id)}
          />
          {active ? (
            <IconButton icon={stopIcon} label={trans.__('Stop %1', subject)} disabled={busy} onClick={stop} />
          ) : null}
          {!active && run.status !== 'succeeded' && run.notebook ? (
            <IconButton
              icon={redoIcon}
              label={trans.__('Resume %1 after its last checkpoint, else from its start', subject)}
              disabled={busy}
              onClick={() => void make(() => actions.resume(run.id))}
            />
          ) : null}
          <Executed run={run} actions={actions} open={props.open} trans={trans} />
        </div>
      </div>
      {active ? (
        <progress
          aria-label={trans.__('Progress of %1', subject)}
          max={run.progress?.total ?? undefined}
          value={run.progress?.total ? run.progress.done : undefined}
        />
      ) : null}
      {active && asked ? (
        <StopForm
          subject={subject}
          submit={async endsAs => {
            await actions.stop(run.id, endsAs);
            setAsked(false);
          }}
          cancel={() => setAsked(false)}
          trans={trans}
        />
      ) : null}
      <Failure message={error} />
      {run.error ? <p className="nbd-Message nbd-mod-error">{failureOf(run.error, trans)}</p> : null}
      <Published run={run} actions={actions} open={props.open} trans={trans} />
      {logged ? <Log label={trans.__('Log of %1', subject)} log={props.log} trans={trans} /> : null}
    </>
  );
}

interface IOpening {
  run: IRun;
  actions: IDeployActions;
  open: (path: string) => void;
  trans: TranslationBundle;
}

/** The way to the executed notebook: itself where JupyterLab can open it, else its report. */
function Executed({ run, actions, open, trans }: IOpening): JSX.Element | null {
  const { opens } = run;
  if (opens) {
    return <IconButton icon={notebookIcon} label={trans.__('Open the executed notebook')} onClick={() => open(opens)} />;
  }
  return run.reports ? (
    <IconButton
      icon={notebookIcon}
      label={trans.__('Show the report of %1', subjectOf(run))}
      onClick={() => show(actions.address(run.id))}
    />
  ) : null;
}

/** Figures and files that a run published; a click opens a file. */
function Published({ run, actions, open }: IOpening): JSX.Element | null {
  const metrics = Object.entries(run.metrics);
  const links = Object.entries(run.links);
  return metrics.length + links.length ? (
    <div className="nbd-Published">
      {metrics.map(([name, value]) => (
        <span key={name} className="nbd-Chip">{`${name} ${numberOf(value)}`}</span>
      ))}
      {links.map(([name, path]) => (
        <button
          key={name}
          type="button"
          className="nbd-Link"
          onClick={() => (path ? open(path) : show(actions.address(run.id, name)))}
        >
          {name}
        </button>
      ))}
    </div>
  ) : null;
}

function show(address: string): void {
  window.open(address, '_blank', 'noopener');
}

const DOTS: Partial<Record<IRun['status'], string>> = {
  succeeded: 'nbd-mod-good',
  failed: 'nbd-mod-bad',
  lost: 'nbd-mod-bad',
  running: 'nbd-mod-busy'
};

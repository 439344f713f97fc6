import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { durationOf, timeOf } from './components/format';
import type { IFailure, IRun } from './documents';

/** What runs, in short. */
export function subjectOf(run: Pick<IRun, 'id' | 'notebook' | 'command'>): string {
  return run.notebook ? PathExt.basename(run.notebook) : run.command || run.id;
}

/** Why a run failed, in one line. */
export function failureOf(error: IFailure, trans: TranslationBundle): string {
  const first = error.message.trim().split('\n')[0];
  const what = first ? `${error.name}: ${first}` : error.name;
  return error.cell === null ? what : `${trans.__('Cell %1', error.cell)}: ${what}`;
}

/** How a run stands, in one line. */
export function statusOf(run: IRun, trans: TranslationBundle): string {
  if (run.status === 'queued') {
    return run.waits ? trans.__('waits for %1', run.waits) : trans.__('queued');
  }
  if (run.status === 'running') {
    return stepOf(run, trans);
  }
  const took = run.seconds === null ? '' : durationOf(run.seconds);
  return [wordOf(run.status, trans), took, timeOf(run.created)].filter(Boolean).join(' · ');
}

/** A status, as people say it. */
export function wordOf(status: IRun['status'], trans: TranslationBundle): string {
  return {
    queued: trans.__('queued'),
    running: trans.__('running'),
    succeeded: trans.__('succeeded'),
    failed: trans.__('failed'),
    stopped: trans.__('stopped'),
    lost: trans.__('lost: its process vanished')
  }[status];
}

function stepOf({ progress, notebook, attempt }: IRun, trans: TranslationBundle): string {
  const seconds = Math.round(progress?.left ?? 0);
  const left = seconds ? trans.__('about %1 left', seconds < 60 ? `${seconds} s` : durationOf(seconds)) : '';
  const tried = attempt > 1 ? trans.__('attempt %1', attempt) : '';
  return [positionOf(progress, notebook !== null, trans), left, tried].filter(Boolean).join(' · ');
}

function positionOf(progress: IRun['progress'], inCells: boolean, trans: TranslationBundle): string {
  if (!progress?.total) {
    return trans.__('starting');
  }
  const { done, total } = progress;
  if (!inCells) {
    return `${Math.floor((100 * done) / total)} %`;
  }
  return done < total ? trans.__('cell %1 of %2', done + 1, total) : trans.__('finishing');
}

/** Whether to stop a run throws work away: one that has hardly begun can simply begin again. */
export function hasWorked({ status, progress }: IRun): boolean {
  return status === 'running' && progress !== null && (progress.done > 0 || (progress.seconds ?? 0) >= 10);
}

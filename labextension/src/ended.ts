import type { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

import type { IRun } from './documents';
import { type IDeployState, isActive } from './model';
import { failureOf, subjectOf } from './wording';

const SHOWN_MS = 10000;

/** Where runs are known. */
export interface IRunsKnown {
  readonly state: Pick<IDeployState, 'runs'>;
  readonly changed: ISignal<IRunsKnown, void>;
}

/** Shows a message in a corner of JupyterLab. */
export type Notify = Pick<typeof Notification, 'success' | 'error'>;

/** Says that a run has ended which was seen going on. What had ended before anybody looked is no news. */
export class EndedRuns implements IDisposable {
  constructor(known: IRunsKnown, notify: Notify, open: (path: string) => void, trans: TranslationBundle) {
    this._known = known;
    this._notify = notify;
    this._open = open;
    this._trans = trans;
    known.changed.connect(this._look, this);
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.disconnectReceiver(this);
  }

  private _look(): void {
    const runs = this._known.state.runs.value;
    runs.filter(run => this._active.has(run.id) && !isActive(run)).forEach(run => this._tell(run));
    this._active = new Set(runs.filter(isActive).map(run => run.id));
  }

  private _tell(run: IRun): void {
    const trans = this._trans;
    const name = subjectOf(run);
    if (run.status === 'succeeded') {
      this._notify.success(trans.__('%1 succeeded', name), { autoClose: SHOWN_MS, actions: this._actions(run) });
    } else if (run.status !== 'stopped') {
      const what = run.status === 'lost' ? trans.__('%1 is lost: its process vanished', name) : trans.__('%1 failed', name);
      const message = run.error ? `${what}\n${failureOf(run.error, trans)}` : what;
      this._notify.error(message, { autoClose: false, actions: this._actions(run) });
    }
  }

  private _actions(run: IRun): Notification.IAction[] {
    const { opens } = run;
    if (opens === null) {
      return [];
    }
    const caption = this._trans.__('Open the executed notebook');
    return [{ label: this._trans.__('Open'), caption, callback: () => this._open(opens) }];
  }

  private readonly _known: IRunsKnown;
  private readonly _notify: Notify;
  private readonly _open: (path: string) => void;
  private readonly _trans: TranslationBundle;
  private _active = new Set<string>();
  private _isDisposed = false;
}

import { PathExt } from '@jupyterlab/coreutils';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { Api } from './api';
import type {
  Change,
  Ends,
  IFound,
  IParameter,
  IPreview,
  IPush,
  IPushOrder,
  IRun,
  IRunOrder,
  ISchedule,
  IScheduleOrder,
  ISnapshot,
  ISnapshotOrder,
  ITarget,
  ITriggered
} from './documents';
import { type IShownLog, extended, nothingOf } from './log';
import type { IActiveNotebook } from './notebook';
import { type ILoaded, Resource } from './resource';

const NOTHING: IFound = { models: [], data: [] };
const POLL_MS = 1000;
const IDLE_POLL_MS = 15000;
const SETTLE_MS = 500;

/** What is done in a notebook's kernel. */
export interface IKernelDoor {
  look(kernel: Kernel.IKernelConnection): Promise<IFound>;
  snapshot(kernel: Kernel.IKernelConnection | null, order: ISnapshotOrder): Promise<ISnapshot>;
}

/** What the panel shows. */
export interface IDeployState {
  /** The active notebook's path and file name; null without one. */
  readonly notebook: { readonly path: string; readonly name: string; readonly hasKernel: boolean } | null;
  readonly found: ILoaded<IFound>;
  readonly snapshots: ILoaded<readonly ISnapshot[]>;
  readonly runs: ILoaded<readonly IRun[]>;
  readonly targets: ILoaded<readonly ITarget[]>;
  readonly schedules: ILoaded<readonly ISchedule[]>;
  /** The log that is shown; of no run, if none is. */
  readonly log: ILoaded<IShownLog>;
}

/** What can be done from the panel. */
export interface IDeployActions {
  refresh(): void;
  snapshot(order: ISnapshotOrder): Promise<ISnapshot>;
  parameters(): Promise<IParameter[]>;
  run(order: IRunOrder): Promise<IRun>;
  push(order: IPushOrder): Promise<IPush>;
  stop(run: string, endsAs: Ends): Promise<IRun>;
  resume(run: string): Promise<IRun>;
  /** Show the log of a run, in the place of another one's; of none, if it is empty. */
  showLog(run: string): void;
  /** Where something opens that a run published, or its report if no name is given. */
  address(run: string, name?: string): string;
  preview(cron: string, timezone: string): Promise<IPreview>;
  schedule(order: IScheduleOrder): Promise<ISchedule>;
  change(name: string, change: Change): Promise<ISchedule>;
  trigger(name: string): Promise<ITriggered>;
}

/** The panel's state. It fetches only while the panel is visible, and often only while something runs. */
export class DeployModel implements IDeployActions, IDisposable {
  constructor(api: Api, notebook: IActiveNotebook, kernel: IKernelDoor) {
    this._api = api;
    this._notebook = notebook;
    this._kernel = kernel;
    this._found = new Resource<IFound>(() => this._look(), NOTHING);
    this._snapshots = new Resource<readonly ISnapshot[]>(() => api.snapshots(notebook.path), []);
    this._runs = new Resource<readonly IRun[]>(() => api.runs(notebook.path), []);
    this._targets = new Resource<readonly ITarget[]>(() => api.targets(notebook.path), []);
    this._schedules = new Resource<readonly ISchedule[]>(() => api.schedules(notebook.path), []);
    this._log = new Resource<IShownLog>(() => this._read(), nothingOf(''));
    for (const resource of [...this._resources, this._log]) {
      resource.changed.connect(this._emitChanged, this);
    }
    this._runs.changed.connect(this._onRuns, this);
    notebook.changed.connect(this._onNotebook, this);
    notebook.executed.connect(this._onExecuted, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  get state(): IDeployState {
    const { path, kernel } = this._notebook;
    return {
      notebook: path ? { path, name: PathExt.basename(path), hasKernel: kernel !== null } : null,
      found: this._found.state,
      snapshots: this._snapshots.state,
      runs: this._runs.state,
      targets: this._targets.state,
      schedules: this._schedules.state,
      log: this._log.state
    };
  }

  /** Whether anybody looks. */
  get visible(): boolean {
    return this._visible;
  }
  set visible(visible: boolean) {
    this._visible = visible;
    this.refresh();
    this._pace();
    void (visible ? this._idlePoll.schedule() : this._idlePoll.stop());
  }

  refresh(): void {
    if (this._visible) {
      this._resources.forEach(resource => void resource.refresh());
    }
  }

  async snapshot(order: ISnapshotOrder): Promise<ISnapshot> {
    const made = await this._kernel.snapshot(this._notebook.kernel, order);
    await this._snapshots.refresh();
    return made;
  }

  async parameters(): Promise<IParameter[]> {
    await this._notebook.save();
    return this._api.parameters(this._notebook.path);
  }

  async run(order: IRunOrder): Promise<IRun> {
    await this._notebook.save();
    const run = await this._api.run(this._notebook.path, order);
    await this._runs.refresh();
    return run;
  }

  async stop(run: string, endsAs: Ends): Promise<IRun> {
    const stopped = await this._api.stop(this._notebook.path, run, endsAs);
    await this._runs.refresh();
    return stopped;
  }

  async resume(run: string): Promise<IRun> {
    const begun = await this._api.resume(this._notebook.path, run);
    await this._runs.refresh();
    return begun;
  }

  showLog(run: string): void {
    this._logged = run;
    this._log.clear();
    if (run) {
      void this._log.refresh();
    }
  }

  address(run: string, name?: string): string {
    return this._api.address(this._notebook.path, run, name);
  }

  preview(cron: string, timezone: string): Promise<IPreview> {
    return this._api.preview(cron, timezone);
  }

  async schedule(order: IScheduleOrder): Promise<ISchedule> {
    await this._notebook.save();
    const added = await this._api.schedule(this._notebook.path, order);
    await this._schedules.refresh();
    return added;
  }

  async change(name: string, change: Change): Promise<ISchedule> {
    const changed = await this._api.change(this._notebook.path, name, change);
    await this._schedules.refresh();
    return changed;
  }

  async trigger(name: string): Promise<ITriggered> {
    const triggered = await this._api.trigger(this._notebook.path, name);
    await Promise.all([this._runs.refresh(), this._schedules.refresh()]);
    return triggered;
  }

  async push(order: IPushOrder): Promise<IPush> {
    const pushed = await this._api.push(this._notebook.path, order);
    await this._targets.refresh();
    return pushed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._poll.dispose();
    this._idlePoll.dispose();
    this._settled.dispose();
    [...this._resources, this._log].forEach(resource => resource.dispose());
    Signal.disconnectReceiver(this);
    Signal.clearData(this);
  }

  private get _resources(): readonly Resource<unknown>[] {
    return [this._found, this._snapshots, this._runs, this._targets, this._schedules];
  }

  private async _read(): Promise<IShownLog> {
    const { value } = this._log.state;
    const known = value.run === this._logged ? value : nothingOf(this._logged);
    return extended(known, await this._api.log(this._notebook.path, known.run, known.position));
  }

  private async _look(): Promise<IFound> {
    const kernel = this._notebook.kernel;
    return kernel ? this._kernel.look(kernel) : NOTHING;
  }

  private _onNotebook(): void {
    this._found.clear();
    this.refresh();
  }

  private _onExecuted(): void {
    void this._settled.invoke();
  }

  private _onRuns(): void {
    const { value, loading } = this._runs.state;
    if (loading) {
      return;
    }
    const running = value.filter(isActive).length;
    if (running < this._running) {
      void this._snapshots.refresh(); // a run that has ended may have made some
      void this._schedules.refresh();
    }
    this._running = running;
    this._pace();
    if (this._logged && !this._log.state.loading && !this._log.state.value.final) {
      void this._log.refresh();
    }
  }

  private _pace(): void {
    void (this._visible && this._running > 0 ? this._poll.start() : this._poll.stop());
  }

  private _emitChanged(): void {
    this._changed.emit();
  }

  private readonly _api: Api;
  private readonly _notebook: IActiveNotebook;
  private readonly _kernel: IKernelDoor;
  private readonly _found: Resource<IFound>;
  private readonly _snapshots: Resource<readonly ISnapshot[]>;
  private readonly _runs: Resource<readonly IRun[]>;
  private readonly _targets: Resource<readonly ITarget[]>;
  private readonly _schedules: Resource<readonly ISchedule[]>;
  private readonly _log: Resource<IShownLog>;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _settled = new Debouncer(() => this.refresh(), SETTLE_MS);
  private readonly _poll = new Poll({
    auto: false,
    factory: () => this._runs.refresh(),
    frequency: { interval: POLL_MS, backoff: false },
    standby: 'when-hidden'
  });
  /** What a scheduler does is seen, too. */
  private readonly _idlePoll = new Poll({
    auto: false,
    factory: () => Promise.all([this._runs.refresh(), this._schedules.refresh()]),
    frequency: { interval: IDLE_POLL_MS, backoff: false },
    standby: 'when-hidden'
  });
  private _logged = '';
  private _visible = false;
  private _running = 0;
  private _isDisposed = false;
}

/** Whether a run is still to end. */
export function isActive(run: IRun): boolean {
  return run.status === 'queued' || run.status === 'running';
}

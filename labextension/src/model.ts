import { PathExt } from '@jupyterlab/coreutils';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { Debouncer, Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';

import type { Api } from './api';
import type {
  IFound,
  IParameter,
  IPush,
  IPushOrder,
  IRun,
  IRunOrder,
  ISnapshot,
  ISnapshotOrder,
  ITarget
} from './documents';
import type { IActiveNotebook } from './notebook';
import { type ILoaded, Resource } from './resource';

const NOTHING: IFound = { models: [], data: [] };
const POLL_MS = 1000;
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
}

/** What can be done from the panel. */
export interface IDeployActions {
  refresh(): void;
  snapshot(order: ISnapshotOrder): Promise<ISnapshot>;
  parameters(): Promise<IParameter[]>;
  run(order: IRunOrder): Promise<IRun>;
  push(order: IPushOrder): Promise<IPush>;
}

/** The panel's state. It fetches only while the panel is visible, and polls only while something runs. */
export class DeployModel implements IDeployActions, IDisposable {
  constructor(api: Api, notebook: IActiveNotebook, kernel: IKernelDoor) {
    this._api = api;
    this._notebook = notebook;
    this._kernel = kernel;
    this._found = new Resource<IFound>(() => this._look(), NOTHING);
    this._snapshots = new Resource<readonly ISnapshot[]>(() => api.snapshots(notebook.path), []);
    this._runs = new Resource<readonly IRun[]>(() => api.runs(notebook.path), []);
    this._targets = new Resource<readonly ITarget[]>(() => api.targets(notebook.path), []);
    for (const resource of this._resources) {
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
      targets: this._targets.state
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

  async push(order: IPushOrder): Promise<IPush> {
    const pushed = await this._api.push(this._notebook.path, order);
    await this._targets.refresh();
    return pushed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._poll.dispose();
    this._settled.dispose();
    this._resources.forEach(resource => resource.dispose());
    Signal.disconnectReceiver(this);
    Signal.clearData(this);
  }

  private get _resources(): readonly Resource<unknown>[] {
    return [this._found, this._snapshots, this._runs, this._targets];
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
    const running = this._runs.state.value.filter(isActive).length;
    if (running < this._running) {
      void this._snapshots.refresh(); // a run that has ended may have made some
    }
    this._running = running;
    this._pace();
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
  private readonly _changed = new Signal<this, void>(this);
  private readonly _settled = new Debouncer(() => this.refresh(), SETTLE_MS);
  private readonly _poll = new Poll({
    auto: false,
    factory: () => this._runs.refresh(),
    frequency: { interval: POLL_MS, backoff: false },
    standby: 'when-hidden'
  });
  private _visible = false;
  private _running = 0;
  private _isDisposed = false;
}

/** Whether a run is still to end. */
export function isActive(run: IRun): boolean {
  return run.status === 'queued' || run.status === 'running';
}

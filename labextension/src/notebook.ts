import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

const GONE: readonly Kernel.Status[] = ['restarting', 'autorestarting', 'terminating', 'dead'];

/** The notebook that the user works in. */
export interface IActiveNotebook {
  /** Its path below the server's root, empty without a notebook. */
  readonly path: string;
  /** Its kernel, null while it has none that lives. */
  readonly kernel: Kernel.IKernelConnection | null;
  /** Another notebook, another name, another kernel, or the same one in a new life. */
  readonly changed: ISignal<unknown, void>;
  /** One of its cells was executed. */
  readonly executed: ISignal<unknown, void>;
  /** Save it, if it has unsaved changes. */
  save(): Promise<void>;
}

/** The signal that JupyterLab emits for every executed cell. */
export type Executed = ISignal<unknown, { notebook: unknown }>;

/** Follows the notebook tracker, and the kernel of its current notebook. */
export class ActiveNotebook implements IActiveNotebook, IDisposable {
  constructor(tracker: INotebookTracker, executed: Executed) {
    this._tracker = tracker;
    executed.connect(this._onExecuted, this);
    tracker.currentChanged.connect(this._onCurrentChanged, this);
    this._onCurrentChanged();
  }

  get path(): string {
    return this._panel?.context.localPath ?? '';
  }

  get kernel(): Kernel.IKernelConnection | null {
    const kernel = this._panel?.sessionContext.session?.kernel;
    return kernel && !GONE.includes(kernel.status) ? kernel : null;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get executed(): ISignal<this, void> {
    return this._executed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  async save(): Promise<void> {
    if (this._panel?.context.model.dirty) {
      await this._panel.context.save();
    }
  }

  dispose(): void {
    this._isDisposed = true;
    this._leave();
    Signal.disconnectReceiver(this);
    Signal.clearData(this);
  }

  private _onCurrentChanged(): void {
    this._leave();
    this._panel = this._tracker.currentWidget;
    this._emitChanged();
    const panel = this._panel;
    if (!panel) {
      return;
    }
    panel.context.pathChanged.connect(this._emitChanged, this);
    panel.sessionContext.statusChanged.connect(this._onStatus, this);
    // The indicator says idle before there is a kernel.
    void panel.sessionContext.ready.then(() => {
      if (panel === this._panel && !panel.isDisposed) {
        panel.sessionContext.kernelChanged.connect(this._emitChanged, this);
        this._emitChanged();
      }
    });
  }

  private _leave(): void {
    const panel = this._panel;
    if (panel) {
      panel.context.pathChanged.disconnect(this._emitChanged, this);
      panel.sessionContext.statusChanged.disconnect(this._onStatus, this);
      panel.sessionContext.kernelChanged.disconnect(this._emitChanged, this);
    }
    this._panel = null;
  }

  private _onStatus(): void {
    if (this._lives !== (this.kernel !== null)) {
      this._emitChanged();
    }
  }

  private _onExecuted(_: unknown, { notebook }: { notebook: unknown }): void {
    if (notebook === this._panel?.content) {
      this._executed.emit();
    }
  }

  private _emitChanged(): void {
    this._lives = this.kernel !== null;
    this._changed.emit();
  }

  private readonly _tracker: INotebookTracker;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _executed = new Signal<this, void>(this);
  private _panel: NotebookPanel | null = null;
  private _lives = false;
  private _isDisposed = false;
}

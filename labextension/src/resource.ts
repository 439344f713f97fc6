import type { IDisposable } from '@lumino/disposable';
import { type ISignal, Signal } from '@lumino/signaling';

/** Something that is fetched: its last value, and how the last attempt went. */
export interface ILoaded<T> {
  readonly value: T;
  readonly error: string;
  readonly loading: boolean;
  /** Whether a value has arrived. */
  readonly known: boolean;
}

/** A value that is fetched again and again. A failure keeps the last value; a late answer is ignored. */
export class Resource<T> implements IDisposable {
  constructor(fetch: () => Promise<T>, empty: T) {
    this._fetch = fetch;
    this._empty = empty;
    this._state = { value: empty, error: '', loading: false, known: false };
  }

  get state(): ILoaded<T> {
    return this._state;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Fetch; resolves when the answer, or a later one, is in. Never rejects. */
  async refresh(): Promise<void> {
    const attempt = ++this._attempt;
    this._set({ ...this._state, loading: true });
    try {
      const value = await this._fetch();
      this._answer(attempt, { value, error: '', loading: false, known: true });
    } catch (error) {
      this._answer(attempt, { ...this._state, error: messageOf(error), loading: false });
    }
  }

  /** Forget the value, and whatever is under way. */
  clear(): void {
    this._attempt++;
    this._set({ value: this._empty, error: '', loading: false, known: false });
  }

  dispose(): void {
    this._isDisposed = true;
    this._attempt++;
    Signal.clearData(this);
  }

  private _answer(attempt: number, state: ILoaded<T>): void {
    if (attempt === this._attempt) {
      this._set(state);
    }
  }

  private _set(state: ILoaded<T>): void {
    this._state = state;
    this._changed.emit();
  }

  private readonly _fetch: () => Promise<T>;
  private readonly _empty: T;
  private readonly _changed = new Signal<this, void>(this);
  private _state: ILoaded<T>;
  private _attempt = 0;
  private _isDisposed = false;
}

/** One line for a person. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

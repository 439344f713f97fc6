import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type {
  Change,
  Ends,
  ILogPart,
  IParameter,
  IPreview,
  IPush,
  IPushOrder,
  IRun,
  IRunOrder,
  ISchedule,
  IScheduleOrder,
  ISnapshot,
  ITarget,
  ITriggered
} from './documents';

/** A refusal, with the server's one-line message. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly status: number
  ) {
    super(message);
  }
}

/** The server routes, one method each. Errors carry the server's one-line message. */
export class Api {
  constructor(settings: ServerConnection.ISettings, trans: TranslationBundle) {
    this._settings = settings;
    this._trans = trans;
  }

  /** The snapshots in the store that is in force for a notebook. */
  snapshots(notebook: string): Promise<ISnapshot[]> {
    return this._ask('snapshots', { notebook });
  }

  /** The runs of notebooks, newest first. */
  runs(notebook: string): Promise<IRun[]> {
    return this._ask('runs', { notebook });
  }

  /** The targets, and what serves there. */
  targets(notebook: string): Promise<ITarget[]> {
    return this._ask('targets', { notebook });
  }

  /** The parameters that a notebook takes. */
  parameters(notebook: string): Promise<IParameter[]> {
    return this._ask('parameters', { notebook });
  }

  /** Start to run a notebook. */
  run(notebook: string, order: IRunOrder): Promise<IRun> {
    return this._ask('runs', {}, { notebook, ...order });
  }

  /** What a run's log says after a position. */
  log(notebook: string, run: string, position: number): Promise<ILogPart> {
    return this._ask('runs/log', { notebook, run, position: String(position) });
  }

  /** Stop a run; returns when it has ended. */
  stop(notebook: string, run: string, endsAs: Ends): Promise<IRun> {
    return this._ask('runs/stop', {}, { notebook, run, ends_as: endsAs });
  }

  /** Go on with a run that did not succeed. */
  resume(notebook: string, run: string): Promise<IRun> {
    return this._ask('runs/resume', {}, { notebook, run });
  }

  /** The address of something that a run published; without a name of the run's report. */
  address(notebook: string, run: string, name?: string): string {
    const query = name === undefined ? { notebook, run } : { notebook, run, name };
    return this._address(name === undefined ? 'runs/report' : 'runs/output', query);
  }

  /** The schedules. */
  schedules(notebook: string): Promise<ISchedule[]> {
    return this._ask('schedules', { notebook });
  }

  /** When a cron line would be due. */
  preview(cron: string, timezone: string): Promise<IPreview> {
    return this._ask('schedules/preview', { cron, timezone });
  }

  /** Run a notebook at the times of a cron line. */
  schedule(notebook: string, order: IScheduleOrder): Promise<ISchedule> {
    return this._ask('schedules', {}, { notebook, ...order });
  }

  /** Pause, resume or remove a schedule. */
  change(notebook: string, name: string, change: Change): Promise<ISchedule> {
    return this._ask(`schedules/${change}`, {}, { notebook, name });
  }

  /** Run now what a schedule runs. */
  trigger(notebook: string, name: string): Promise<ITriggered> {
    return this._ask('schedules/trigger', {}, { notebook, name });
  }

  /** Push a snapshot; returns when it answers. */
  push(notebook: string, order: IPushOrder): Promise<IPush> {
    return this._ask('push', {}, { notebook, ...order });
  }

  private async _ask<T>(route: string, query: Record<string, string>, body?: object): Promise<T> {
    const url = this._address(route, query);
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : { method: 'GET' };
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch {
      throw new Error(this._trans.__('The Jupyter server does not answer.'));
    }
    const document = await readJson(response);
    if (!response.ok) {
      const fault = faultOf(document) ?? this._trans.__('The Jupyter server answered %1.', response.status);
      throw new Refusal(fault, response.status);
    }
    return document as T;
  }

  private _address(route: string, query: Record<string, string>): string {
    return URLExt.join(this._settings.baseUrl, 'nbdeploy', 'api', route) + URLExt.objectToQueryString(query);
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _trans: TranslationBundle;
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** Our routes say `error`; the Jupyter server itself says `message`. */
function faultOf(document: unknown): string | null {
  const fault = (document ?? {}) as { error?: unknown; message?: unknown };
  const text = fault.error ?? fault.message;
  return typeof text === 'string' && text ? text : null;
}

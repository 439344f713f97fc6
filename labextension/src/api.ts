import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IParameter, IPush, IPushOrder, IRun, IRunOrder, ISnapshot, ITarget } from './documents';

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

  /** Push a snapshot; returns when it answers. */
  push(notebook: string, order: IPushOrder): Promise<IPush> {
    return this._ask('push', {}, { notebook, ...order });
  }

  private async _ask<T>(route: string, query: Record<string, string>, body?: object): Promise<T> {
    const url = URLExt.join(this._settings.baseUrl, 'nbdeploy', 'api', route) + URLExt.objectToQueryString(query);
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : { method: 'GET' };
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch {
      throw new Error(this._trans.__('The Jupyter server does not answer.'));
    }
    const document = await readJson(response);
    if (!response.ok) {
      throw new Error(faultOf(document) ?? this._trans.__('The Jupyter server answered %1.', response.status));
    }
    return document as T;
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

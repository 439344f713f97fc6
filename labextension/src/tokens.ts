import { Token } from '@lumino/coreutils';

import type { DeployModel } from './model';

/** What the Deploy panel shows and does, for other extensions. */
export const IDeployModel = new Token<DeployModel>(
  'nbdeploy:IDeployModel',
  'The snapshots, runs and targets that the Deploy panel shows, and what can be done with them.'
);

/** The panel's id in the shell. */
export const PANEL_ID = 'nbdeploy-panel';

/** Ids of the commands. */
export namespace CommandIDs {
  export const show = 'nbdeploy:show';
  export const refresh = 'nbdeploy:refresh';
}

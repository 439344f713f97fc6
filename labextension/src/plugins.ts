import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { addCommands } from './commands';
import { EndedRuns } from './ended';
import { look, snapshot } from './kernel';
import { tagMarked } from './marks';
import { DeployModel } from './model';
import { ActiveNotebook } from './notebook';
import { DeployPanel } from './panel';
import { IDeployModel } from './tokens';

const DOMAIN = 'nbdeploy';

/** Provides the state that everything else shows. */
export const model: JupyterFrontEndPlugin<DeployModel> = {
  id: 'nbdeploy:model',
  description: 'The state of the Deploy panel.',
  autoStart: true,
  provides: IDeployModel,
  requires: [INotebookTracker],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, translator: ITranslator | null): DeployModel => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const api = new Api(app.serviceManager.serverSettings, trans);
    return new DeployModel(api, new ActiveNotebook(tracker, NotebookActions.executed), {
      look: kernel => look(kernel, trans),
      snapshot: (kernel, order) => snapshot(kernel, trans, order)
    });
  }
};

/** Adds the panel to the left sidebar. */
export const panel: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy:panel',
  description: 'The Deploy panel in the left sidebar.',
  autoStart: true,
  requires: [IDeployModel],
  optional: [ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    deployModel: DeployModel,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): void => {
    const trans = (translator ?? nullTranslator).load(DOMAIN);
    const widget = new DeployPanel(deployModel, trans, path => {
      void app.commands.execute('docmanager:open', { path });
    });
    app.shell.add(widget, 'left', { rank: 650, type: 'Deploy' });
    restorer?.add(widget, widget.id);
  }
};

/** Says when a run has ended. */
export const ended: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy:ended',
  description: 'Notifications of runs that have ended.',
  autoStart: true,
  requires: [IDeployModel],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, deployModel: DeployModel, translator: ITranslator | null): void => {
    const open = (path: string): void => void app.commands.execute('docmanager:open', { path });
    new EndedRuns(deployModel, Notification, open, (translator ?? nullTranslator).load(DOMAIN));
  }
};

/** Adds the commands to the palette. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy:commands',
  description: 'The commands of the Deploy panel.',
  autoStart: true,
  requires: [IDeployModel],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    deployModel: DeployModel,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    addCommands(app, deployModel, palette, (translator ?? nullTranslator).load(DOMAIN));
  }
};

/** Tags the cells that say in their first line that they are the parameters cell. */
export const marks: JupyterFrontEndPlugin<void> = {
  id: 'nbdeploy:marks',
  description: 'Tags parameters cells.',
  autoStart: true,
  activate: (): void => {
    NotebookActions.executed.connect(tagMarked);
  }
};

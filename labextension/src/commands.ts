import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { deployIcon } from './icons';
import type { DeployModel } from './model';
import { CommandIDs, PANEL_ID } from './tokens';

/** Add the commands, and list them in the palette. */
export function addCommands(
  app: JupyterFrontEnd,
  model: DeployModel,
  palette: ICommandPalette | null,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CommandIDs.show, {
    label: trans.__('Show Deploy Panel'),
    caption: trans.__('Snapshots, runs and targets'),
    icon: deployIcon,
    execute: () => app.shell.activateById(PANEL_ID)
  });
  app.commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Deploy Panel'),
    execute: () => model.refresh()
  });
  for (const command of [CommandIDs.show, CommandIDs.refresh]) {
    palette?.addItem({ command, category: trans.__('Deploy') });
  }
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

import { Deploy } from './components/Deploy';
import { deployIcon } from './icons';
import type { DeployModel } from './model';
import { PANEL_ID } from './tokens';

/** The panel in the sidebar: tells the model whether it is seen, and draws its state. */
export class DeployPanel extends ReactWidget {
  constructor(model: DeployModel, trans: TranslationBundle, open: (path: string) => void) {
    super();
    this._model = model;
    this._trans = trans;
    this._open = open;
    this.id = PANEL_ID;
    this.addClass('nbd-Panel');
    this.title.icon = deployIcon;
    this.title.caption = trans.__('Deploy');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Deploy'));
  }

  protected override render(): JSX.Element {
    return (
      <UseSignal signal={this._model.changed}>
        {() => <Deploy state={this._model.state} actions={this._model} open={this._open} trans={this._trans} />}
      </UseSignal>
    );
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._model.visible = this.isVisible;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._model.visible = true;
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._model.visible = false;
  }

  private readonly _model: DeployModel;
  private readonly _trans: TranslationBundle;
  private readonly _open: (path: string) => void;
}

import { commands, model, panel } from './plugins';

export default [model, panel, commands];

import { commands, ended, marks, model, panel } from './plugins';

export default [model, panel, ended, commands, marks];

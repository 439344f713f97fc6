import { commands, marks, model, panel } from './plugins';

export default [model, panel, commands, marks];

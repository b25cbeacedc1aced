import type { EntityManager } from 'typeorm';
import { rows } from '../database/transaction.js';
import type { TaskView } from './task.view.js';

/** The tasks of all live workers, by name. Of workers that differ, the one whose process started last is right. */
export const publishedTasks = (tx: EntityManager): Promise<TaskView[]> =>
  rows(
    tx,
    `SELECT DISTINCT ON (name) name, description, transactional, input,
       (count(*) OVER (PARTITION BY name))::integer AS workers
     FROM tasks ORDER BY name, joined_as DESC`,
  );

import { startCronzimus } from 'cronzimus';
import { Invoices1790000000000 } from './migrations/1790000000000-invoices.js';
import { TasksModule } from './tasks.module.js';

await startCronzimus({ imports: [TasksModule], migrations: [Invoices1790000000000] });

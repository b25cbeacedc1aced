import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('invoices')
export class Invoice {
  @PrimaryColumn('text') number: string;
  @Column('text') email: string;
  @Column({ type: 'timestamptz', name: 'due_at' }) dueAt: Date;
  @Column('boolean') overdue: boolean;
  /** Null: no reminder was sent. */
  @Column({ type: 'timestamptz', name: 'reminded_at', nullable: true }) remindedAt: Date | null;
}

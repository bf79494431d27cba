import amanat.core.clock
import amanat.core.ids
import amanat.core.tenancy
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('core', '0001_initial'),
        ('people', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Counter',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('what', models.CharField(max_length=30)),
                ('next_number', models.BigIntegerField(default=1)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'what'), name='counter_once')],
            },
        ),
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('key', models.CharField(max_length=60)),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('names', models.JSONField(blank=True, db_default={}, default=dict)),
                ('category', models.CharField(blank=True, max_length=60, verbose_name='category')),
                ('fee_paise', models.BigIntegerField(default=0, verbose_name='fee')),
                ('documents', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list, verbose_name='documents needed')),
                ('steps', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), blank=True, default=list, verbose_name='steps')),
                ('usual_days', models.SmallIntegerField(blank=True, null=True, verbose_name='usual days')),
                ('validity_months', models.SmallIntegerField(blank=True, null=True, verbose_name='valid for months')),
                ('remind_days_before', models.SmallIntegerField(default=15, verbose_name='remind days before expiry')),
                ('papers_vanish', models.BooleanField(db_default=False, default=False, verbose_name='delete papers when delivered')),
                ('is_active', models.BooleanField(default=True)),
                ('position', models.SmallIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'key'), name='service_key_once'), models.CheckConstraint(condition=models.Q(('fee_paise__gte', 0)), name='service_fee_is_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='ServiceRecord',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('number', models.BigIntegerField()),
                ('title', models.CharField(max_length=120, verbose_name='service')),
                ('status', models.CharField(choices=[('open', 'Open'), ('waiting', 'Waiting for papers'), ('submitted', 'Submitted'), ('ready', 'Ready to hand over'), ('delivered', 'Delivered'), ('refused', 'Refused'), ('cancelled', 'Cancelled')], default='open', max_length=10, verbose_name='status')),
                ('acknowledgement', models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='acknowledgement number')),
                ('fee_paise', models.BigIntegerField(default=0, verbose_name='fee')),
                ('paid_paise', models.BigIntegerField(default=0)),
                ('quantity', models.PositiveSmallIntegerField(default=1, verbose_name='quantity')),
                ('due_on', models.DateField(blank=True, null=True, verbose_name='due')),
                ('expires_on', models.DateField(blank=True, null=True, verbose_name='expires')),
                ('follow_up_on', models.DateField(blank=True, null=True, verbose_name='next follow-up')),
                ('steps', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), blank=True, default=list)),
                ('documents', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list)),
                ('steps_done', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=120), blank=True, default=list)),
                ('documents_seen', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=80), blank=True, default=list)),
                ('notes', models.TextField(blank=True, db_default='', default='', max_length=10000, verbose_name='notes')),
                ('custom', models.JSONField(blank=True, db_default={}, default=dict)),
                ('papers_vanish', models.BooleanField(default=False, verbose_name='delete papers when delivered')),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('updated_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('deleted_at', models.DateTimeField(null=True)),
                ('erased_at', models.DateTimeField(null=True)),
                ('balance_paise', models.GeneratedField(db_persist=True, expression=django.db.models.expressions.CombinedExpression(models.F('fee_paise'), '-', models.F('paid_paise')), output_field=models.BigIntegerField())),
                ('company', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='services', to='people.company', verbose_name='company')),
                ('contact', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='services', to='people.contact', verbose_name='contact')),
                ('created_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('deleted_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('owner', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member', verbose_name='who does it')),
                ('repeats', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='desk.servicerecord')),
                ('service', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='records', to='desk.service', verbose_name='service')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['workspace_id', '-id'], name='service_record_newest'), models.Index(fields=['workspace_id', 'contact', '-id'], name='service_record_of_contact'), models.Index(fields=['workspace_id', 'company', '-id'], name='service_record_of_company'), models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['workspace_id', 'status', '-id'], name='service_record_by_status'), models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['workspace_id', 'service', '-id'], name='service_record_by_service'), models.Index(condition=models.Q(('deleted_at__isnull', True)), fields=['workspace_id', 'owner', '-id'], name='service_record_by_owner'), models.Index(condition=models.Q(('deleted_at__isnull', False)), fields=['workspace_id', 'deleted_at'], name='service_record_bin'), models.Index(condition=models.Q(('deleted_at__isnull', True), ('due_on__isnull', False)), fields=['workspace_id', 'due_on'], name='service_record_due'), models.Index(condition=models.Q(('deleted_at__isnull', True), ('expires_on__isnull', False)), fields=['workspace_id', 'expires_on'], name='service_record_expires'), models.Index(condition=models.Q(('follow_up_on__isnull', False)), fields=['workspace_id', 'follow_up_on'], name='service_record_follow_up'), models.Index(condition=models.Q(('balance_paise__gt', 0), ('deleted_at__isnull', True)), fields=['workspace_id', '-balance_paise'], name='service_record_unpaid'), models.Index(condition=models.Q(('acknowledgement', ''), _negated=True), fields=['workspace_id', 'acknowledgement'], name='service_record_by_ack')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'number'), name='service_record_number_once'), models.CheckConstraint(condition=models.Q(('contact__isnull', False), ('company__isnull', False), ('erased_at__isnull', False), _connector='OR'), name='service_record_is_for_someone'), models.CheckConstraint(condition=models.Q(('erased_at__isnull', True), models.Q(('acknowledgement', ''), ('company__isnull', True), ('contact__isnull', True), ('custom', {}), ('deleted_at__isnull', True), ('documents', []), ('documents_seen', []), ('due_on__isnull', True), ('expires_on__isnull', True), ('follow_up_on__isnull', True), ('notes', ''), ('papers_vanish', False), ('repeats__isnull', True), ('status__in', ('delivered', 'refused', 'cancelled')), ('steps', []), ('steps_done', [])), _connector='OR'), name='service_record_of_an_erased_person_is_books_only'), models.CheckConstraint(condition=models.Q(('fee_paise__gte', 0)), name='service_record_fee_is_not_negative'), models.CheckConstraint(condition=models.Q(('paid_paise__gte', 0), ('paid_paise__lte', models.F('fee_paise'))), name='service_record_is_never_overpaid')],
            },
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('amount_paise', models.BigIntegerField(verbose_name='amount')),
                ('method', models.CharField(choices=[('cash', 'Cash'), ('upi', 'UPI'), ('card', 'Card'), ('bank', 'Bank transfer')], max_length=5, verbose_name='method')),
                ('reference', models.CharField(blank=True, max_length=60, verbose_name='reference')),
                ('paid_on', models.DateField(verbose_name='day')),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('cancel_reason', models.CharField(blank=True, max_length=200)),
                ('cancelled_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('taken_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('record', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='payments', to='desk.servicerecord')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'record'], name='payment_of_record'), models.Index(fields=['workspace_id', '-paid_on'], name='payment_by_day'), models.Index(fields=['workspace_id', 'taken_by', '-paid_on'], name='payment_by_member')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_paise__gt', 0)), name='payment_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='Paper',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('kind', models.CharField(choices=[('aadhaar', 'Aadhaar'), ('pan', 'PAN card'), ('passbook', 'Bank passbook'), ('photo', 'Photograph'), ('ration', 'Ration card'), ('voter', 'Voter card'), ('licence', 'Driving licence'), ('passport', 'Passport'), ('form', 'Form'), ('other', 'Other paper')], max_length=10, verbose_name='kind')),
                ('number_sealed', models.BinaryField(null=True)),
                ('number_tail', models.CharField(blank=True, max_length=6)),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('vanishes_on_delivery', models.BooleanField(default=False, verbose_name='delete when delivered')),
                ('added_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('gone_at', models.DateTimeField(null=True)),
                ('gone_because', models.CharField(blank=True, max_length=60)),
                ('added_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('contact', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='papers', to='people.contact')),
                ('file', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='core.storedfile')),
                ('record', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='papers', to='desk.servicerecord')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'contact'], name='paper_of_contact'), models.Index(fields=['workspace_id', 'record'], name='paper_of_record')],
            },
        ),
        migrations.CreateModel(
            name='Task',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('title', models.CharField(max_length=200, verbose_name='what')),
                ('kind', models.CharField(choices=[('call', 'Call'), ('visit', 'Visit'), ('meeting', 'Meeting'), ('reminder', 'Reminder'), ('todo', 'To do')], default='todo', max_length=10, verbose_name='kind')),
                ('notes', models.TextField(blank=True, max_length=5000, verbose_name='notes')),
                ('due_on', models.DateField(verbose_name='day')),
                ('due_time', models.TimeField(blank=True, null=True, verbose_name='time')),
                ('first_due_on', models.DateField(null=True)),
                ('repeat', models.JSONField(blank=True, null=True)),
                ('series_id', models.UUIDField(null=True)),
                ('series_start_on', models.DateField(null=True)),
                ('occurrence', models.IntegerField(default=1)),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('done_at', models.DateTimeField(null=True)),
                ('cancelled_at', models.DateTimeField(null=True)),
                ('assignee', amanat.core.tenancy.WorkspaceForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member', verbose_name='for')),
                ('company', amanat.core.tenancy.WorkspaceForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='tasks', to='people.company')),
                ('contact', amanat.core.tenancy.WorkspaceForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='tasks', to='people.contact')),
                ('created_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('done_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('record', amanat.core.tenancy.WorkspaceForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='tasks', to='desk.servicerecord')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('cancelled_at__isnull', True), ('done_at__isnull', True)), fields=['workspace_id', 'due_on', 'due_time'], name='task_open_by_day'), models.Index(condition=models.Q(('cancelled_at__isnull', True), ('done_at__isnull', True)), fields=['workspace_id', 'assignee', 'due_on'], name='task_open_by_member'), models.Index(condition=models.Q(('contact__isnull', False)), fields=['workspace_id', 'contact', '-due_on'], name='task_of_contact'), models.Index(condition=models.Q(('record__isnull', False)), fields=['workspace_id', 'record'], name='task_of_record')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('series_id__isnull', False)), fields=('workspace_id', 'series_id', 'occurrence'), name='task_occurrence_once')],
            },
        ),
        migrations.CreateModel(
            name='PaperOpening',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('paper_id', models.UUIDField()),
                ('at', models.DateTimeField(default=amanat.core.clock.now)),
                ('reason', models.CharField(max_length=120)),
                ('what', models.CharField(default='file', max_length=20)),
                ('member', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'paper_id', '-at'], name='paper_opening_newest')],
            },
        ),
    ]

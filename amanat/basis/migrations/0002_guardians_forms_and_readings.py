import amanat.core.ids
import amanat.core.tenancy
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('basis', '0001_initial'),
        ('people', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Guardianship',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('principal', models.BinaryField(max_length=32)),
                ('at', models.DateTimeField()),
                ('method', models.CharField(choices=[('counter', 'At the counter, confirmed by a code'), ('link', 'By a personal link'), ('form', 'By a form'), ('message', 'By a message'), ('phone', 'By phone'), ('post', 'On paper'), ('file', 'From an imported file'), ('api', 'By a connected program'), ('signal', 'By a signal of the browser')], max_length=10)),
                ('guardian_principal', models.BinaryField(max_length=32)),
                ('what', models.CharField(choices=[('named', 'Answers for the child'), ('ended', 'Answers no longer')], max_length=10)),
                ('verified_by', models.CharField(choices=[('held', 'Age and identity were known here already'), ('given', 'Shown on paper, and looked at'), ('token', 'By a token of a digital locker')], max_length=10)),
                ('evidence', models.JSONField(db_default={}, default=dict)),
                ('by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('contact', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='people.contact')),
                ('guardian', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='people.contact')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'contact', '-at', '-id'], name='guardianship_latest_first'), models.Index(fields=['workspace_id', 'guardian'], name='guardianship_by_guardian')],
                'constraints': [models.CheckConstraint(condition=models.Q(('contact', models.F('guardian')), _negated=True), name='guardianship_between_two')],
            },
        ),
        migrations.CreateModel(
            name='Opening',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('principal', models.BinaryField(max_length=32)),
                ('field', models.CharField(max_length=80)),
                ('purpose', models.CharField(max_length=40)),
                ('reason', models.CharField(choices=[('service', 'For a service the person asked for'), ('check', 'To check who the person is'), ('request', 'The person asked about their own data'), ('claim', 'For a legal claim'), ('law', 'A law or an authority demands it')], max_length=10)),
                ('words', models.CharField(max_length=300)),
                ('at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('contact', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='people.contact')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'contact', '-at', '-id'], name='opening_newest_first'), models.Index(fields=['workspace_id', 'by', 'contact', '-ends_at'], name='opening_in_force')],
                'constraints': [models.CheckConstraint(condition=models.Q(('words', ''), _negated=True), name='opening_says_why')],
            },
        ),
        migrations.CreateModel(
            name='PublicForm',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('title', models.CharField(max_length=120, verbose_name='title')),
                ('wanted', models.JSONField()),
                ('made_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('made_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', '-made_at'], name='public_form_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('title', ''), _negated=True), name='public_form_has_a_title')],
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('given', models.BinaryField(max_length=2000)),
                ('wanted', models.JSONField()),
                ('code', models.BinaryField(max_length=32)),
                ('sent_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('form', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='basis.publicform')),
                ('notice', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='basis.notice')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'sent_at'], name='submission_by_age')],
            },
        ),
        migrations.CreateModel(
            name='Withholding',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('purpose', models.CharField(max_length=40)),
                ('field', models.CharField(max_length=80)),
                ('policy_version', models.PositiveIntegerField()),
                ('on', models.DateField()),
                ('at', models.DateTimeField()),
                ('by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', '-at'], name='withholding_newest')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'by', 'purpose', 'field', 'on'), name='withholding_once_a_day')],
            },
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(fields=['workspace_id', '-at', '-id'], name='decision_by_time'),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(fields=['workspace_id', 'reason', '-at', '-id'], name='decision_by_reason'),
        ),
        migrations.AddIndex(
            model_name='suppression',
            index=models.Index(fields=['workspace_id', '-at', '-id'], name='suppression_by_time'),
        ),
        migrations.AddField(
            model_name='consentrecord',
            name='guardianship',
            field=amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='basis.guardianship'),
        ),
        migrations.AddIndex(
            model_name='consentrecord',
            index=models.Index(fields=['workspace_id', '-at', '-id'], name='consent_by_time'),
        ),
    ]

import amanat.core.ids
import amanat.core.tenancy
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('number', models.PositiveIntegerField()),
                ('source', models.TextField()),
                ('document', models.TextField()),
                ('digest', models.CharField(max_length=64)),
                ('replaces', models.PositiveIntegerField()),
                ('published_at', models.DateTimeField()),
                ('effective_at', models.DateTimeField()),
                ('is_material', models.BooleanField()),
                ('changes', models.JSONField(default=list)),
                ('asks_anew', models.JSONField(default=dict)),
                ('published_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'number'), name='policy_version_once_a_number'), models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='policy_version_from_one'), models.CheckConstraint(condition=models.Q(('replaces__lt', models.F('number'))), name='policy_version_replaces_an_earlier'), models.CheckConstraint(condition=models.Q(('effective_at__gte', models.F('published_at'))), name='policy_version_never_holds_before_it_is_public')],
            },
        ),
        migrations.CreateModel(
            name='PolicyMail',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('due_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('dropped_at', models.DateTimeField(null=True)),
                ('member', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('version', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='mails', to='publishing.policyversion')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('dropped_at__isnull', True), ('sent_at__isnull', True)), fields=['workspace_id', 'due_at'], name='policy_mail_open')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'version', 'member'), name='policy_mail_once_a_member')],
            },
        ),
        migrations.CreateModel(
            name='PolicyDraft',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('source', models.TextField()),
                ('based_on', models.PositiveIntegerField()),
                ('edited_at', models.DateTimeField()),
                ('revision', models.PositiveIntegerField(default=1)),
                ('edited_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace_id',), name='policy_draft_one_a_workspace')],
            },
        ),
    ]

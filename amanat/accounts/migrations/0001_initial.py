import amanat.core.clock
import amanat.core.ids
import amanat.core.tenancy
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='OwnerLink',
            fields=[
                ('secret_hash', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('phone', models.CharField(blank=True, max_length=20, null=True, verbose_name='mobile number')),
                ('phone_verified_at', models.DateTimeField(blank=True, null=True)),
                ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                ('theme', models.CharField(blank=True, choices=[('', 'system'), ('light', 'light'), ('dark', 'dark')], default='', max_length=5)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'name'), name='team_name_once_a_workspace')],
            },
        ),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('name', models.CharField(max_length=120, verbose_name='name of the shop or firm')),
                ('kind', models.CharField(choices=[('csc', 'CSC centre'), ('insurance', 'Insurance agent'), ('coaching', 'Coaching class'), ('clinic', 'Clinic'), ('agency', 'Agency'), ('sales', 'Sales team'), ('calling', 'Calling team'), ('other', 'Something else')], default='other', max_length=20, verbose_name='kind of business')),
                ('place', models.CharField(blank=True, max_length=80, verbose_name='place')),
                ('time_zone', models.CharField(default='Asia/Kolkata', max_length=40, verbose_name='time zone')),
                ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                ('csc_id', models.CharField(blank=True, max_length=20, verbose_name='CSC centre id')),
                ('registration_number', models.CharField(blank=True, max_length=40, verbose_name='registration number')),
                ('vle_name', models.CharField(blank=True, max_length=120, verbose_name='VLE name')),
                ('legal_name', models.CharField(blank=True, max_length=160, verbose_name='legal name')),
                ('gstin', models.CharField(blank=True, max_length=15, verbose_name='GSTIN')),
                ('address', models.TextField(blank=True, max_length=500, verbose_name='address')),
                ('phone', models.CharField(blank=True, max_length=20, verbose_name='phone')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('requires_mfa', models.BooleanField(default=False, verbose_name='members need a second factor')),
                ('is_demo', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', models.F('workspace_id'))), name='workspace_is_its_own_tenant')],
            },
        ),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('manager', 'Manager'), ('agent', 'Agent'), ('auditor', 'Auditor (reads only)')], max_length=20, verbose_name='role')),
                ('sees', models.CharField(choices=[('all', 'All contacts'), ('team', 'Only contacts of their teams and their own')], default='all', max_length=10, verbose_name='sees')),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('joined_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('feed_secret', models.CharField(blank=True, max_length=64)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='seats', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignObject(from_fields=['workspace_id'], on_delete=django.db.models.deletion.DO_NOTHING, related_name='seats', to='accounts.workspace', to_fields=['id'])),
            ],
            options={
                'indexes': [models.Index(fields=['user'], name='member_by_user')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('workspace_id', 'user'), name='member_one_seat_a_workspace')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('secret_hash', models.CharField(max_length=64)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40))),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('member', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='tokens', to='accounts.member')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'member'], name='token_by_member')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'secret_hash'), name='token_secret_is_unique')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('workspace_id', models.UUIDField(null=True)),
                ('address', models.GenericIPAddressField(null=True)),
                ('device', models.CharField(blank=True, max_length=200)),
                ('signed_in_at', models.DateTimeField(null=True)),
                ('last_seen_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', '-last_seen_at'], name='session_by_user')],
            },
        ),
        migrations.CreateModel(
            name='SignIn',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('outcome', models.CharField(choices=[('signed in', 'Signed in'), ('wrong password', 'Wrong password'), ('wrong code', 'Wrong code'), ('refused', 'Refused')], max_length=20)),
                ('method', models.CharField(blank=True, max_length=30)),
                ('at', models.DateTimeField(default=amanat.core.clock.now)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=20)),
                ('address', models.GenericIPAddressField(null=True)),
                ('device', models.CharField(blank=True, max_length=200)),
                ('session_key', models.CharField(blank=True, max_length=64)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['user', '-at'], name='sign_in_by_user')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('name', models.CharField(blank=True, max_length=120, verbose_name='name')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('manager', 'Manager'), ('agent', 'Agent'), ('auditor', 'Auditor (reads only)')], default='agent', max_length=20, verbose_name='role')),
                ('sees', models.CharField(choices=[('all', 'All contacts'), ('team', 'Only contacts of their teams and their own')], default='all', max_length=10)),
                ('secret_hash', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('invited_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, to='accounts.member')),
                ('team', amanat.core.tenancy.WorkspaceForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, to='accounts.team')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', '-created_at'], name='invitation_newest_first')],
            },
        ),
        migrations.CreateModel(
            name='TeamMember',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('member', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='team_seats', to='accounts.member')),
                ('team', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='seats', to='accounts.team')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'member'], name='team_member_by_member')],
                'constraints': [models.UniqueConstraint(fields=('workspace_id', 'team', 'member'), name='team_member_once')],
            },
        ),
    ]

import amanat.core.ids
import amanat.core.tenancy
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('publishing', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AddressCheck',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('workspace_id', models.UUIDField(editable=False)),
                ('address', models.EmailField(max_length=254)),
                ('code', models.BinaryField(max_length=32)),
                ('sent_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('confirmed_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
                ('sent_by', amanat.core.tenancy.WorkspaceForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.member')),
            ],
            options={
                'indexes': [models.Index(fields=['workspace_id', 'address', '-sent_at'], name='address_check_latest_first')],
                'constraints': [models.CheckConstraint(condition=models.Q(('confirmed_at__isnull', True), ('confirmed_at__gte', models.F('sent_at')), _connector='OR'), name='address_confirmed_after_the_code_was_sent')],
            },
        ),
    ]

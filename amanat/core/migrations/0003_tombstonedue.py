import amanat.core.clock
import amanat.core.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0002_alter_systemkey_use_alter_workspacekey_use'),
    ]

    operations = [
        migrations.CreateModel(
            name='TombstoneDue',
            fields=[
                ('id', models.UUIDField(default=amanat.core.ids.new, editable=False, primary_key=True, serialize=False)),
                ('lines', models.TextField()),
                ('created_at', models.DateTimeField(default=amanat.core.clock.now)),
            ],
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0002_sources_of_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="importrun",
            name="unchanged",
            field=models.IntegerField(db_default=0, default=0),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("privacy", "0006_alter_rightsrequest_who"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="in_languages",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("privacy", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="rightsrequest",
            name="callback",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AlterField(
            model_name="requeststep",
            name="what",
            field=models.CharField(
                choices=[
                    ("received", "Received"),
                    ("confirmed", "Receipt confirmed to the person"),
                    ("identified", "Person identified"),
                    ("extended", "Time extended, person told"),
                    ("warned", "Owner reminded"),
                    ("late", "Not answered in time"),
                    ("begun", "Begun to carry out"),
                    ("fulfilled", "Carried out"),
                    ("refused", "Refused, with reason and route"),
                    ("told", "Person told"),
                    ("revoked", "Taken back by the person"),
                    ("opened", "Status page opened"),
                    ("lift_told", "Person told that the restriction will be lifted"),
                    ("lifted", "Restriction lifted"),
                ],
                max_length=10,
            ),
        ),
    ]

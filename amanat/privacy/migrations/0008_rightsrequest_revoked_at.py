from django.db import migrations, models

#: A request that was taken back before had its moment in its steps alone, and stayed for ever.
FILL = """
UPDATE privacy_rightsrequest request SET revoked_at = (
    SELECT max(step.at) FROM privacy_requeststep step
    WHERE step.workspace_id = request.workspace_id AND step.request_id = request.id AND step.what = 'revoked')
WHERE request.state = 'revoked' AND request.revoked_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("privacy", "0007_incident_in_languages"),
    ]

    operations = [
        migrations.AddField(
            model_name="rightsrequest",
            name="revoked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]

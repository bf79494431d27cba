from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('proof', '0002_thinned_evidence'),
    ]

    operations = [
        migrations.AlterField(
            model_name='evidence',
            name='outcome',
            field=models.CharField(choices=[('kept', 'Kept'), ('due', 'To be confirmed'), ('broken', 'Broken'), ('could not run', 'Could not run')], max_length=20),
        ),
        migrations.AlterField(
            model_name='installationfinding',
            name='outcome',
            field=models.CharField(choices=[('kept', 'Kept'), ('due', 'To be confirmed'), ('broken', 'Broken'), ('could not run', 'Could not run')], max_length=20),
        ),
    ]

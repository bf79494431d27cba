from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "amanat.web"
    label = "web"

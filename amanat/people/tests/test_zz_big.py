import os
import resource
import time

from django.db import connection

from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import tenancy
from amanat.people import duplicates
from amanat.people.importing import runs
from amanat.people.tests.test_importing_runs import again, figures, queued
from amanat.people.tests.test_zz_bench import content


def test_big(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        ws=make_workspace("Big"); m=owner_of(ws); n=int(os.environ["N"])
        text=content(n,100_000_000).encode()
        print("file MB", len(text)/1e6)
        run=queued(m,text); del text
        r0=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024
        pid=os.fork()
        if pid==0:
            connection.close()
            t=time.time()
            runs.work(ws.pk, run.pk)
            print("import", time.time()-t, "wall", time.process_time(), "rss now", [l for l in open('/proc/self/status') if 'VmRSS' in l or 'VmHWM' in l], flush=True)
            t=time.time(); c=time.process_time()
            print("pairs", duplicates.refresh(ws.pk), time.time()-t, "cpu", time.process_time()-c, [l for l in open('/proc/self/status') if 'VmRSS' in l], flush=True)
            with tenancy.inside(ws):
                t=time.time(); duplicates.page(ws); print("page ms", (time.time()-t)*1000, flush=True)
            os._exit(0)
        connection.close()
        os.waitpid(pid,0)
        print(figures(again(run)), "upload rss", r0)

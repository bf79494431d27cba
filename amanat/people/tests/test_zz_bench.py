import os
import random
import resource
import time

import pytest
from django.db import connection

from amanat.accounts.tests.factories import owner_of
from amanat.people.importing import runs
from amanat.people.tests.test_importing_runs import again, figures, queued

pytestmark = pytest.mark.django_db
FIRST=["Asha", "Ravi", "Sunita", "Prakash", "Meena", "Suresh", "Anita", "Vijay", "Kavita", "Ganesh", "Lata", "Mahesh", "Rekha", "Sanjay", "Usha", "Dinesh"]
LAST=["Menon", "Patil", "Deshmukh", "Kulkarni", "Jadhav", "Shinde", "Pawar", "More", "Sharma", "Gupta", "Iyer", "Nair", "Reddy", "Khan", "Shaikh", "Joshi"]
def content(n, start):
    r=random.Random(start); out=["Name,Mobile,Email,Company,City,State,Pincode,Birthday,Tags,Notes"]
    for i in range(n):
        out.append(f"{r.choice(FIRST)} {r.choice(LAST)} {r.choice(LAST)},9{start+i:09d},p{start+i}@example.in,Firm {r.randrange(500)},Pune,Maharashtra,4110{r.randrange(10,99)},{r.randrange(1,28):02d}-{r.randrange(1,12):02d}-19{r.randrange(50,99)},VIP,note {i}")
    return "\n".join(out)
def cpu_of(pid):
    f=open(f"/proc/{pid}/stat").read().split(") ")[1].split(); return (int(f[11])+int(f[12]))/100
def test_bench(shree):
    m=owner_of(shree)
    n=int(os.environ.get("N","10000"))
    with connection.cursor() as c:
        c.execute("select pg_backend_pid()"); pid=c.fetchone()[0]
    for start in (100_000_000, 200_000_000, 200_000_000):
        run=queued(m, content(n,start))
        d0=cpu_of(pid); t=time.time(); c0=time.process_time()
        if os.environ.get("PROF") and start==200_000_000:
            import cProfile
            import pstats
            pr=cProfile.Profile(); pr.enable()
        runs.work(m.workspace_id, run.pk)
        connection.check_constraints()
        if os.environ.get("PROF") and start==200_000_000:
            pr.disable(); pstats.Stats(pr).sort_stats("tottime").print_stats(25)
        print(figures(again(run)), "wall",time.time()-t,"py",time.process_time()-c0,"db",cpu_of(pid)-d0, "rss", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024)

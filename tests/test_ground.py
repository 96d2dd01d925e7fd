def test_db(db):
    from clients.models import Client

    assert Client.objects.count() == 0

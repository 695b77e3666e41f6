from views_world import identity_of, recorded, registered


def test_x(world):
    client = registered()
    world.write(client, identity_of(client))
    session = recorded(client)
    p = world.write(session)
    world.runner.catch_up()
    print(world.journey.of_client(client.id, at_least=p))
    print(world.caseload.of_clients([client.id]))

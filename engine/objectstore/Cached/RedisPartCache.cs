using System.Buffers;
using StackExchange.Redis;

namespace Tempo.Engine.ObjectStore;

/// <summary>Parts in Redis. Connecting, clusters and Sentinels are the client library's business; it connects again by itself.</summary>
public sealed class RedisPartCache : IPartCache
{
    private readonly ConnectionMultiplexer _connection;
    private readonly IDatabase _database;
    private readonly TimeSpan? _expiration;

    private RedisPartCache(ConnectionMultiplexer connection, RedisOptions options)
    {
        _connection = connection;
        _database = connection.GetDatabase(options.Database);
        _expiration = options.Expiration > TimeSpan.Zero ? options.Expiration : null;
    }

    public string Name => "redis";

    /// <summary>Does not wait for the server; until it is there, it has nothing.</summary>
    public static RedisPartCache Open(RedisOptions options)
    {
        var configuration = new ConfigurationOptions
        {
            AbortOnConnectFail = false,
            AsyncTimeout = (int)options.Timeout.TotalMilliseconds,
            SyncTimeout = (int)options.Timeout.TotalMilliseconds,
            BacklogPolicy = BacklogPolicy.FailFast,
            ClientName = "tempo",
            ConnectTimeout = 1000,
            DefaultDatabase = options.Database,
            Ssl = options.HasTls,
        };
        if (options.MasterName.Length > 0) configuration.ServiceName = options.MasterName;
        if (options.UserName.Length > 0) configuration.User = options.UserName;
        if (options.Password.Length > 0) configuration.Password = options.Password;
        foreach (var endpoint in options.Endpoints) configuration.EndPoints.Add(endpoint);
        return new RedisPartCache(ConnectionMultiplexer.Connect(configuration), options);
    }

    public async ValueTask<ReadOnlyMemory<byte>?> TryGetAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var value = (byte[]?)await _database.StringGetAsync(name).WaitAsync(cancellation).ConfigureAwait(false);
            return value is null ? null : PartEnvelope.TryOpen(name, value);
        }
        catch (Exception e) when (IsServers(e))
        {
            return null;
        }
    }

    public async ValueTask PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        // The client takes a value in one piece only, so this is the one cache that content is copied for.
        var value = ArrayPool<byte>.Shared.Rent(PartEnvelope.HeaderBytes + content.Length);
        PartEnvelope.HeaderOf(name, content.Span).CopyTo(value, 0);
        content.CopyTo(value.AsMemory(PartEnvelope.HeaderBytes));
        try
        {
            await _database.StringSetAsync(name, value.AsMemory(0, PartEnvelope.HeaderBytes + content.Length), _expiration, When.Always)
                .WaitAsync(cancellation).ConfigureAwait(false);
            ArrayPool<byte>.Shared.Return(value); // the server has answered, so it was sent; after an error it may still wait for that
        }
        catch (Exception e) when (IsServers(e))
        {
            // It is not there, then.
        }
    }

    // A command that finds no server to go to is no RedisException.
    private static bool IsServers(Exception e) => e is RedisException or RedisCommandException or TimeoutException;

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}

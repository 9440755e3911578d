using Tempo.Engine.ObjectStore;
using Tempo.Host.Config;
using Xunit;

namespace Tempo.Host.Tests.Config;

public sealed class CacheKeysTests
{
    [Fact]
    public void Caches_of_Tempos_configuration_are_read_by_role()
    {
        var options = Options("""
            cache:
              background: {writeback_goroutines: 3, writeback_buffer: 7}
              disk: {path: /ssd/cache, max_bytes: 10GiB}
              caches:
                - roles: [parquet-footer, parquet-column-idx, parquet-offset-idx, frontend-search]
                  memcached: {host: memcached.tempo, service: memcached-client, addresses: "a:1,dns+b:2", consistent_hash: true, timeout: 250ms, max_idle_conns: 9, ttl: 1h, max_item_size: 1048576}
                - roles: [bloom, parquet-page]
                  redis: {endpoint: "r1:6379,r2:6379", username: u, password: canary, db: 2, timeout: 1s, expiration: 2h, tls_enabled: true, pool_size: 8}
            """);
        var caches = options.Remote.Caches;
        Assert.Equal(
            (3, 7, "/ssd/cache", 10L << 30), (caches.WriteBack.Writers, caches.WriteBack.Buffer, caches.DiskPath, caches.DiskMaxBytes));
        Assert.Equal([CacheRole.ParquetFooter], caches.Shared[0].Roles);
        var memcached = caches.Shared[0].Memcached!;
        Assert.Equal(["dns+memcached.tempo:11211", "a:1", "dns+b:2"], memcached.Addresses);
        Assert.Equal((TimeSpan.FromMilliseconds(250), 9, TimeSpan.FromHours(1), 1 << 20),
            (memcached.Timeout, memcached.MaxIdleConnections, memcached.TimeToLive, memcached.MaxItemBytes));
        Assert.Equal([CacheRole.Bloom, CacheRole.ParquetPage], caches.Shared[1].Roles);
        var redis = caches.Shared[1].Redis!;
        Assert.Equal(["r1:6379", "r2:6379"], redis.Endpoints);
        Assert.Equal(("u", "canary", 2, TimeSpan.FromHours(2), true),
            (redis.UserName, redis.Password, redis.Database, redis.Expiration, redis.HasTls));
        Assert.DoesNotContain("canary", EffectiveConfig.Render(options), StringComparison.Ordinal);
    }

    [Fact]
    public void A_role_of_what_is_not_kept_is_a_warning() =>
        Assert.Contains("role frontend-search has no effect",
            Assert.Single(ConfigFile.Apply("t.yaml", "cache: {caches: [{roles: [bloom, frontend-search], redis: {endpoint: 'a:1'}}]}",
                new HostOptions())), StringComparison.Ordinal);

    [Theory]
    [InlineData("{}", "a list is expected")]
    [InlineData("[{roles: [bloom]}]", "one of memcached and redis is expected")]
    [InlineData("[{roles: [blooms], redis: {endpoint: 'a:1'}}]", "unknown role")]
    [InlineData("[{roles: [bloom], redis: {endpoint: 'a:1'}}, {roles: [bloom], redis: {endpoint: 'b:1'}}]",
        "role bloom has a cache already")]
    [InlineData("[{roles: [bloom], redis: {endpoint: 'a'}}]", "is not host:port")]
    [InlineData("[{roles: [bloom], redis: {password: x}}]", "endpoint is missing")]
    [InlineData("[{roles: [bloom], redis: {endpoint: 'a:1', fast: true}}]", "fast at line")]
    [InlineData("[{roles: [bloom], memcached: {addresses: 'dnssrv+a:1'}}]", "service records are not looked up")]
    [InlineData("[{roles: [bloom], memcached: {addresses: 'a:1', timeout: soon}}]", "is not a duration")]
    public void What_is_wrong_is_named(string caches, string expected) =>
        Assert.Contains(
            expected, Assert.Throws<ConfigException>(() => Options($"cache: {{caches: {caches}}}")).Message, StringComparison.Ordinal);

    private static HostOptions Options(string yaml)
    {
        var options = new HostOptions();
        ConfigFile.Apply("t.yaml", yaml, options);
        return options;
    }
}

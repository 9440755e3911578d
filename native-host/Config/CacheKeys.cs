using Tempo.Engine.Node;
using Tempo.Engine.ObjectStore;
using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary><c>cache</c>: Tempo's caches of parts of blocks by role, and ours on disk. They are for blocks in an object service.</summary>
internal static class CacheKeys
{
    /// <summary>A role stands in one cache only, so that there are not more.</summary>
    private const int MaxCaches = 7;

    // One place of ours for what Tempo keeps apart: the end of a block's data has the indexes of its columns and pages, too.
    private static readonly Dictionary<string, CacheRole?> Roles = new(StringComparer.Ordinal)
    {
        ["bloom"] = CacheRole.Bloom,
        ["sidecar"] = CacheRole.Sidecar,
        ["trace-id-index"] = CacheRole.TraceIdIndex,
        ["parquet-footer"] = CacheRole.ParquetFooter,
        ["parquet-column-idx"] = CacheRole.ParquetFooter,
        ["parquet-offset-idx"] = CacheRole.ParquetFooter,
        ["parquet-page"] = CacheRole.ParquetPage,
        ["frontend-search"] = null, // results of jobs are not kept: what they are made of is
    };

    private static readonly string[] IgnoredOfMemcached = ["service", "consistent_hash", "max_get_multi_concurrency",
        "max_get_multi_batch_size", "max_async_concurrency", "circuit_breaker_interval", "batch_size", "parallelism"];

    private static readonly string[] IgnoredOfRedis =
        ["pool_size", "idle_timeout", "max_connection_age", "single_node", "route_by_latency", "route_randomly"];

    public static IEnumerable<ConfigKey> All =>
    [
        Text("cache.disk.path", (o, v) => Set(o, c => c with { DiskPath = v }), static o => o.Remote.Caches.DiskPath),
        Bytes("cache.disk.max_bytes", 0, 1L << 50, (o, v) => Set(o, c => c with { DiskMaxBytes = v }),
            static o => o.Remote.Caches.DiskMaxBytes),
        Int("cache.background.writeback_goroutines", 1, 1000,
            (o, v) => Set(o, c => c with { WriteBack = c.WriteBack with { Writers = v } }), static o => o.Remote.Caches.WriteBack.Writers),
        Int("cache.background.writeback_buffer", 1, 1_000_000,
            (o, v) => Set(o, c => c with { WriteBack = c.WriteBack with { Buffer = v } }), static o => o.Remote.Caches.WriteBack.Buffer),
        new ConfigStructure("cache.caches", SetCaches, Render),
    ];

    private static void Set(HostOptions options, Func<RemoteCaches, RemoteCaches> change) =>
        options.Remote = options.Remote with { Caches = change(options.Remote.Caches) };

    private static string? SetCaches(HostOptions options, YamlNode node)
    {
        if (node is not YamlSequence list) return "a list is expected";
        if (list.Items.Count > MaxCaches) return $"{list.Items.Count} caches, at most {MaxCaches} are taken";
        var (caches, taken) = (new List<SharedCache>(), new HashSet<string>());
        foreach (var item in list.Items)
        {
            if (item is not YamlMapping mapping) return $"entry at line {item.Line}: a mapping is expected";
            if (ReadCache(mapping, taken, out var cache) is { } error) return $"entry at line {item.Line}: {error}";
            caches.Add(cache);
        }

        if (taken.Contains("frontend-search"))
            options.Notes.Add("cache.caches: role frontend-search has no effect: results of queries are not kept, what they are made of is (docs/scale.md)");
        Set(options, c => c with { Shared = caches });
        return null;
    }

    private static string? ReadCache(YamlMapping mapping, HashSet<string> taken, out SharedCache cache)
    {
        cache = new SharedCache();
        foreach (var (key, line, value) in mapping.Entries)
        {
            var error = (key, value) switch
            {
                ("roles", YamlSequence roles) => ReadRoles(roles, taken, ref cache),
                ("memcached", YamlMapping inner) => ReadMemcached(inner, ref cache),
                ("redis", YamlMapping inner) => ReadRedis(inner, ref cache),
                ("roles" or "memcached" or "redis", _) => "has a value that is not known",
                _ => "not found in a cache",
            };
            if (error is not null) return $"{key} at line {line}: {error}";
        }

        return cache.Memcached is null == cache.Redis is null ? "one of memcached and redis is expected" : null;
    }

    private static string? ReadRoles(YamlSequence list, HashSet<string> taken, ref SharedCache cache)
    {
        var roles = new List<CacheRole>();
        foreach (var item in list.Items)
        {
            if (item is not YamlScalar { Text: var name } || !Roles.TryGetValue(name, out var role))
                return $"unknown role at line {item.Line}, known are {string.Join(", ", Roles.Keys)}";
            if (!taken.Add(name)) return $"role {name} has a cache already";
            if (role is { } known && !roles.Contains(known)) roles.Add(known);
        }

        cache = cache with { Roles = roles };
        return null;
    }

    private static string? ReadMemcached(YamlMapping mapping, ref SharedCache cache)
    {
        var options = new MemcachedOptions { Addresses = [] };
        foreach (var (key, line, value) in mapping.Entries)
        {
            if (IgnoredOfMemcached.Contains(key)) continue;
            if (value is not YamlScalar { Text: var text }) return $"{key} at line {line}: a single value is expected";
            var error = key switch
            {
                "host" when text.Length > 0 =>
                    ReadAddresses($"dns+{text}:11211", a => options = options with { Addresses = [.. options.Addresses, .. a] }),
                "addresses" when text.Length > 0 =>
                    ReadAddresses(text, a => options = options with { Addresses = [.. options.Addresses, .. a] }),
                "host" or "addresses" => null,
                "timeout" => ReadTime(text, t => options = options with { Timeout = t }),
                "update_interval" => ReadTime(text, t => options = options with { UpdateInterval = t }),
                "ttl" => ReadTime(text, t => options = options with { TimeToLive = t }),
                "circuit_breaker_timeout" => ReadTime(text, t => options = options with { RestTime = t }),
                "max_idle_conns" => ReadNumber(text, n => options = options with { MaxIdleConnections = n }),
                "max_item_size" => ReadNumber(text, n => options = options with { MaxItemBytes = n }),
                "circuit_breaker_consecutive_failures" =>
                    ReadNumber(text, n => options = options with { BreakAfterFailures = n == 0 ? int.MaxValue : n }),
                _ => "not available in this version",
            };
            if (error is not null) return $"{key} at line {line}: {error}";
        }

        cache = cache with { Memcached = options };
        return options.Addresses.Count == 0 ? "host or addresses is missing" : null;
    }

    private static string? ReadRedis(YamlMapping mapping, ref SharedCache cache)
    {
        var options = new RedisOptions { Endpoints = [] };
        foreach (var (key, line, value) in mapping.Entries)
        {
            if (IgnoredOfRedis.Contains(key)) continue;
            if (value is not YamlScalar { Text: var text }) return $"{key} at line {line}: a single value is expected";
            var error = key switch
            {
                "endpoint" when text.Length > 0 => ReadAddresses(text, a => options = options with { Endpoints = a }),
                "endpoint" => null,
                "master_name" => Done(options = options with { MasterName = text }),
                "username" => Done(options = options with { UserName = text }),
                "password" => Done(options = options with { Password = text }),
                "timeout" => ReadTime(text, t => options = options with { Timeout = t }),
                "expiration" => ReadTime(text, t => options = options with { Expiration = t }),
                "db" => ReadNumber(text, n => options = options with { Database = n }),
                "tls_enabled" when text is "true" or "false" => Done(options = options with { HasTls = text == "true" }),
                "tls_enabled" => "is neither true nor false",
                "tls_insecure_skip_verify" when text == "false" => null,
                _ => "not available in this version",
            };
            if (error is not null) return $"{key} at line {line}: {error}";
        }

        cache = cache with { Redis = options };
        return options.Endpoints.Count == 0 ? "endpoint is missing" : null;
    }

    private static string? ReadAddresses(string text, Action<string[]> set)
    {
        var addresses = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var address in addresses)
        {
            if (address.StartsWith("dnssrv", StringComparison.Ordinal))
                return $"{GoText.Quote(address)}: service records are not looked up in this version; dns+host:port finds every address of a name";
            var colon = address.LastIndexOf(':');
            if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), out var port) || port == 0)
                return $"{GoText.Quote(address)} is not host:port";
        }

        set(addresses);
        return null;
    }

    private static string? ReadTime(string text, Action<TimeSpan> set)
    {
        if (!GoDuration.TryParse(text, out var nanoseconds, out _) || nanoseconds < 0) return $"{GoText.Quote(text)} is not a duration";
        set(TimeSpan.FromTicks(nanoseconds / 100));
        return null;
    }

    private static string? ReadNumber(string text, Action<int> set)
    {
        if (!ByteSize.TryParseWhole(text, out var number) || number is < 0 or > int.MaxValue)
            return $"{GoText.Quote(text)} is not a number from 0 to {int.MaxValue}";
        set((int)number);
        return null;
    }

    private static string? Done(object _) => null;

    // No secret is shown.
    private static string Render(HostOptions options) =>
        LimitStructures.List(options.Remote.Caches.Shared.Select(static shared => LimitStructures.Mapping(
        [
            ("roles", LimitStructures.List(shared.Roles.Select(CacheMetrics.NameOf))),
            shared.Memcached is { } memcached
                ? ("memcached", LimitStructures.Mapping(
                    [("addresses", GoText.Quote(string.Join(',', memcached.Addresses))),
                        ("timeout", GoDuration.Format(memcached.Timeout))]))
                : ("redis", LimitStructures.Mapping(
                    [("endpoint", GoText.Quote(string.Join(',', shared.Redis!.Endpoints))),
                        ("username", GoText.Quote(shared.Redis.UserName)),
                        ("password", shared.Redis.Password.Length > 0 ? "<secret>" : "\"\"")])),
        ])));
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Parts in memcached. A part belongs to the server whose hash with the part's name is the highest (rendezvous hashing), so that a
/// server that comes or goes moves only its own share.
/// </summary>
public sealed class MemcachedPartCache(MemcachedOptions options, TimeProvider time) : IPartCache
{
    /// <summary>Longest key, and the protocol knows no spaces and no control characters in it.</summary>
    private const int MaxKeyBytes = 250;

    private readonly SemaphoreSlim _resolving = new(1);
    private volatile MemcachedServer[] _servers = [];
    private volatile bool _hasAsked;
    private long _resolvedAt;

    public string Name => "memcached";

    public async ValueTask<ReadOnlyMemory<byte>?> TryGetAsync(string name, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        if (await ServerOfAsync(key, cancellation).ConfigureAwait(false) is not { } server) return null;
        var (sealedPart, _) = await server.AskAsync(
            (connection, token) => connection.GetAsync(key, PartEnvelope.MaxBytes, token), cancellation).ConfigureAwait(false);
        return sealedPart is null ? null : PartEnvelope.TryOpen(name, sealedPart);
    }

    public async ValueTask PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var key = KeyOf(name);
        if (options.MaxItemBytes > 0 && PartEnvelope.HeaderBytes + content.Length > options.MaxItemBytes) return;
        if (await ServerOfAsync(key, cancellation).ConfigureAwait(false) is not { } server) return;
        await server.AskAsync(async (connection, token) =>
        {
            await connection.SetAsync(key, SecondsToLive, PartEnvelope.HeaderOf(name, content.Span), content, token).ConfigureAwait(false);
            return true;
        }, cancellation).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        foreach (var server in _servers) server.Dispose();
        _resolving.Dispose();
        return ValueTask.CompletedTask;
    }

    // More than 30 days are taken for a date.
    private int SecondsToLive => (int)Math.Min(options.TimeToLive.TotalSeconds, 30 * 24 * 3600);

    private static string KeyOf(string name)
    {
        var isPlain = name.Length <= MaxKeyBytes && !name.AsSpan().ContainsAnyExceptInRange('!', '~');
        return isPlain ? name : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
    }

    private async ValueTask<MemcachedServer?> ServerOfAsync(string key, CancellationToken cancellation)
    {
        var servers = _servers;
        if (!IsFresh(servers)) servers = await ResolveAsync(cancellation).ConfigureAwait(false);
        MemcachedServer? best = null;
        ulong highest = 0;
        foreach (var server in servers)
        {
            var hash = Hash($"{server.Address} {key}");
            if (best is null || hash > highest) (best, highest) = (server, hash);
        }

        return best;
    }

    // No name has an address: a second later it may.
    private bool IsFresh(MemcachedServer[] servers) =>
        _hasAsked && time.GetElapsedTime(Volatile.Read(ref _resolvedAt))
            <= (servers.Length == 0 ? TimeSpan.FromSeconds(1) : options.UpdateInterval);

    // One asks, the others go on with what is known. Those that stay keep their connections.
    private async ValueTask<MemcachedServer[]> ResolveAsync(CancellationToken cancellation)
    {
        var known = _servers;
        if (!await _resolving.WaitAsync(!_hasAsked ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, cancellation).ConfigureAwait(false))
            return known;
        try
        {
            known = _servers;
            if (IsFresh(known)) return known;
            var addresses = new List<IPEndPoint>();
            foreach (var text in options.Addresses) addresses.AddRange(await AddressesOfAsync(text, cancellation).ConfigureAwait(false));
            Volatile.Write(ref _resolvedAt, time.GetTimestamp());
            MemcachedServer[] servers = addresses.Count == 0
                ? known
                : [.. addresses.Distinct().Select(
                    address =>
                        known.FirstOrDefault(server => server.Address.Equals(address)) ?? new MemcachedServer(address, options, time))];
            _servers = servers;
            _hasAsked = true; // after them: who sees it goes on with what is known
            foreach (var gone in known.Except(servers)) gone.Dispose();
            return servers;
        }
        finally
        {
            _resolving.Release();
        }
    }

    private static async ValueTask<IEnumerable<IPEndPoint>> AddressesOfAsync(string text, CancellationToken cancellation)
    {
        var isEach = text.StartsWith("dns+", StringComparison.Ordinal);
        var address = isEach ? text[4..] : text;
        var colon = address.LastIndexOf(':');
        var port = int.Parse(address.AsSpan(colon + 1), CultureInfo.InvariantCulture);
        try
        {
            var found = await Dns.GetHostAddressesAsync(address[..colon].Trim('[', ']'), cancellation).ConfigureAwait(false);
            return (isEach ? found : found.Take(1)).Select(ip => new IPEndPoint(ip, port));
        }
        catch (SocketException)
        {
            return [];
        }
    }

    private static ulong Hash(string text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return BitConverter.ToUInt64(hash);
    }
}

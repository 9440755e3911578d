using System.Collections.Concurrent;
using System.Net;
using Tempo.Testing;

namespace Tempo.Engine.ObjectStore.Tests.Stub;

/// <summary>
/// An object service on a loopback port, in memory, with faults on demand: what no server that can be installed here does
/// (conditional puts, and trouble). A dialect gives it the requests of one service. It is a stub: the real clients talk to it,
/// and what it answers is what the services' documentation says.
/// </summary>
internal abstract class ServiceStub : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Lock _lock = new();
    // under the lock
    private readonly Dictionary<string, ((byte[] Content, DateTimeOffset Time)? Before, long Until)> _late = new(StringComparer.Ordinal);
    private int _requests;
    private long _blankBytes;

    protected ServiceStub()
    {
        for (var attempt = 0; ; attempt++)
        {
            Url = $"http://127.0.0.1:{LoopbackPort.Free()}";
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add(Url + "/");
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 10)
            {
                // Somebody took the port in between.
            }
        }

        _ = AcceptAsync();
    }

    public string Url { get; }

    /// <summary>Objects by name, with the time they were put.</summary>
    public ConcurrentDictionary<string, (byte[] Content, DateTimeOffset Time)> Objects { get; } = new(StringComparer.Ordinal);

    /// <summary>Objects that were taken away.</summary>
    public int Deletions { get; private set; }

    /// <summary>Listings show each name as it was up to so long ago, each as late as chance has it; reads are of now.</summary>
    public TimeSpan Staleness { get; set; }

    /// <summary>What is to go wrong with a request, by its number from 0; null: nothing.</summary>
    public Func<int, HttpListenerRequest, Fault?>? Faults { get; set; }

    public int RequestCount => Volatile.Read(ref _requests);

    public void Dispose() => _listener.Close();

    protected abstract Answer Handle(HttpListenerRequest request, byte[] body);

    /// <summary>Stores an object; false if there is one and there must not be.</summary>
    protected bool Put(string name, byte[] content, bool onlyIfAbsent)
    {
        lock (_lock)
        {
            if (onlyIfAbsent && Objects.ContainsKey(name)) return false;
            BeLate(name);
            Objects[name] = (content, new DateTimeOffset(2026, 11, 28, 12, 0, 0, TimeSpan.Zero));
            return true;
        }
    }

    /// <summary>Takes an object away, if there is one.</summary>
    protected void Remove(string name)
    {
        lock (_lock)
        {
            BeLate(name);
            if (Objects.TryRemove(name, out _)) Deletions++;
        }
    }

    // Until then listings have it as it is now.
    private void BeLate(string name)
    {
        var now = Environment.TickCount64;
        if (Staleness > TimeSpan.Zero && !(_late.TryGetValue(name, out var late) && late.Until > now))
            _late[name] = (Objects.TryGetValue(name, out var there) ? there : null,
                now + (long)(Staleness.TotalMilliseconds * Random.Shared.NextDouble()));
    }

    /// <summary>What a listing shows of all objects.</summary>
    protected Dictionary<string, (byte[] Content, DateTimeOffset Time)> Listed()
    {
        lock (_lock)
        {
            var listed = new Dictionary<string, (byte[] Content, DateTimeOffset Time)>(Objects, StringComparer.Ordinal);
            foreach (var (name, (before, until)) in _late)
            {
                if (until <= Environment.TickCount64) continue;
                if (before is { } there) listed[name] = there;
                else listed.Remove(name);
            }

            return listed;
        }
    }

    /// <summary>Replaces an object of this version; null if there is none, false if it has another.</summary>
    protected bool? Replace(string name, string version, byte[] content)
    {
        lock (_lock)
        {
            if (!Objects.TryGetValue(name, out var found)) return null;
            if (VersionOf(found.Content) != version) return false;
            BeLate(name);
            Objects[name] = (content, found.Time);
            return true;
        }
    }

    /// <summary>A number for each content.</summary>
    protected static string VersionOf(byte[] content) =>
        $"{BitConverter.ToUInt64(System.Security.Cryptography.SHA256.HashData(content)) >> 1}";

    /// <summary>A page of names after one, objects and folders in one order, as the services list them.</summary>
    protected static (List<string> Names, List<string> Folders,
        string? Next) List(IEnumerable<string> all, string prefix, string? delimiter, string? after, int most)
    {
        List<string> names = [], folders = [];
        string? last = null;
        foreach (var name in all.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var end = delimiter is null ? -1 : name.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
            var entry = end < 0 ? name : name[..(end + 1)];
            if (after is not null && string.CompareOrdinal(entry, after) <= 0) continue;
            if (folders.Count > 0 && folders[^1] == entry) continue;
            if (names.Count + folders.Count == most) return (names, folders, last);
            (end < 0 ? names : folders).Add(entry);
            last = entry;
        }

        return (names, folders, null);
    }

    /// <summary>The object or a range of it.</summary>
    protected Answer Get(string name, string? range)
    {
        if (!Objects.TryGetValue(name, out var found)) return new Answer(404);
        var content = found.Content;
        var headers = new Dictionary<string, string>
        {
            ["Last-Modified"] = found.Time.ToString("R"),
            ["ETag"] = $"\"{VersionOf(content)}\"",
            ["x-goog-generation"] = VersionOf(content)
        };
        if (range is null) return new Answer(200, content, headers);
        var bounds = range["bytes=".Length..].Split('-');
        var (start, end) = (long.Parse(bounds[0]), Math.Min(long.Parse(bounds[1]), content.Length - 1));
        if (start >= content.Length) return new Answer(416);
        headers["Content-Range"] = $"bytes {start}-{end}/{content.Length}";
        return new Answer(206, content[(int)start..(int)(end + 1)], headers);
    }

    private async Task AcceptAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = Task.Run(() => ServeAsync(context));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(HttpListenerContext context)
    {
        var request = context.Request;
        var fault = Faults?.Invoke(Interlocked.Increment(ref _requests) - 1, request);
        try
        {
            using var body = new MemoryStream();
            await request.InputStream.CopyToAsync(body);
            if (fault?.Hang is { } hang) await hang;
            var answer = fault is { Status: not 0 }
                ? new Answer(fault.Status, "<Error><Code>InternalError</Code></Error>"u8.ToArray())
                : Handle(request, body.ToArray());
            if (fault is { DropAnswer: true })
            {
                context.Response.Abort();
                return;
            }

            context.Response.StatusCode = answer.Status;
            if (fault is { BlanksInstead: > 0 and var blanks })
            {
                await SendBlanksAsync(context.Response, blanks);
                context.Response.Close();
                return;
            }

            foreach (var (name, value) in answer.Headers ?? []) context.Response.Headers[name] = value;
            var isHead = request.HttpMethod == "HEAD";
            context.Response.ContentLength64 = answer.Body.Length;
            if (fault is { TruncateTo: { } kept })
            {
                await context.Response.OutputStream.WriteAsync(answer.Body.AsMemory(0, Math.Min(kept, answer.Body.Length)));
                await context.Response.OutputStream.FlushAsync();
                context.Response.Abort();
                return;
            }

            if (!isHead) await context.Response.OutputStream.WriteAsync(answer.Body);
            context.Response.Close();
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            // The client is gone.
        }
    }

    /// <summary>Of an answer that is too long, until the client had enough.</summary>
    public long BlankBytes => Interlocked.Read(ref _blankBytes);

    private async Task SendBlanksAsync(HttpListenerResponse response, long count)
    {
        response.SendChunked = true;
        var piece = new byte[1 << 20];
        piece.AsSpan().Fill((byte)' ');
        while (BlankBytes < count)
        {
            await response.OutputStream.WriteAsync(piece);
            Interlocked.Add(ref _blankBytes, piece.Length);
        }
    }

    /// <summary>An answer of a dialect.</summary>
    protected sealed record Answer(int Status, byte[] Body, Dictionary<string, string>? Headers = null)
    {
        public Answer(int status) : this(status, [])
        {
        }
    }

    /// <summary>What goes wrong with a request.</summary>
    internal sealed record Fault
    {
        /// <summary>Answered instead of doing what was asked.</summary>
        public int Status { get; init; }

        /// <summary>Do it, and break the connection off without an answer.</summary>
        public bool DropAnswer { get; init; }

        /// <summary>Announce the whole body and send only so much.</summary>
        public int? TruncateTo { get; init; }

        /// <summary>Answer with so many blanks, of which nobody knows beforehand.</summary>
        public long BlanksInstead { get; init; }

        /// <summary>Wait for this first.</summary>
        public Task? Hang { get; init; }
    }
}

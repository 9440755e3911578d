using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Tempo.Engine.Foundation;

namespace Tempo.Ring.Membership.Etcd;

/// <summary>etcd did not do what it was asked.</summary>
public sealed class EtcdException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// The few calls of etcd's v3 API that membership needs, through its JSON gateway, which every etcd serves on its client port:
/// keys and values in base64, 64-bit numbers as text, zeros left out, a watch as one JSON object a line. Tries the endpoints in
/// turn. Thread safe.
/// </summary>
public sealed class EtcdClient(EtcdOptions options, TimeProvider time) : IEtcd
{
    /// <summary>Of one answer, or of one line of a watch: some ten thousand members.</summary>
    private const int MaxAnswerBytes = 4 << 20;

    /// <summary>Of an answer that says what was wrong.</summary>
    private const int MaxErrorBytes = 64 << 10;
    private readonly HttpClient _http = new(
        new SocketsHttpHandler { ConnectTimeout = options.DialTimeout, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = Timeout.InfiniteTimeSpan
    };
    private volatile string _token = "";
    private int _endpoint;

    public void Dispose() => _http.Dispose();

    /// <inheritdoc/>
    public async Task<long> GrantAsync(long ttlSeconds, CancellationToken cancellation)
    {
        using var answer =
            await CallAsync("lease/grant", json => json.WriteString("TTL", Text(ttlSeconds)), cancellation).ConfigureAwait(false);
        return Number(answer.RootElement, "ID");
    }

    /// <inheritdoc/>
    public async Task<long> KeepAliveAsync(long lease, CancellationToken cancellation)
    {
        using var answer =
            await CallAsync("lease/keepalive", json => json.WriteString("ID", Text(lease)), cancellation).ConfigureAwait(false);
        return answer.RootElement.TryGetProperty("result", out var result) ? Number(result, "TTL") : 0;
    }

    public async Task RevokeAsync(long lease, CancellationToken cancellation) =>
        (await CallAsync("lease/revoke", json => json.WriteString("ID", Text(lease)), cancellation).ConfigureAwait(false)).Dispose();

    /// <inheritdoc/>
    public async Task DeleteAsync(string key, CancellationToken cancellation) =>
        (await CallAsync("kv/deleterange", json => json.WriteBase64String("key", Encoding.UTF8.GetBytes(key)), cancellation)
            .ConfigureAwait(false)).Dispose();

    /// <inheritdoc/>
    public async Task PutAsync(string key, ReadOnlyMemory<byte> value, long lease, CancellationToken cancellation) =>
        (await CallAsync("kv/put", json =>
        {
            json.WriteBase64String("key", Encoding.UTF8.GetBytes(key));
            json.WriteBase64String("value", value.Span);
            json.WriteString("lease", Text(lease));
        }, cancellation).ConfigureAwait(false)).Dispose();

    /// <inheritdoc/>
    public async Task<(long Revision, List<(string Key, byte[] Value)> Items)> ListAsync(string prefix, CancellationToken cancellation)
    {
        using var answer = await CallAsync("kv/range", json => WritePrefix(json, prefix), cancellation).ConfigureAwait(false);
        var items = new List<(string Key, byte[] Value)>();
        if (answer.RootElement.TryGetProperty("kvs", out var kvs))
            foreach (var kv in kvs.EnumerateArray())
                items.Add((Encoding.UTF8.GetString(Bytes(kv, "key")), Bytes(kv, "value")));
        return (Number(answer.RootElement.GetProperty("header"), "revision"), items);
    }

    /// <inheritdoc/>
    public async Task WatchAsync(string prefix, long revision, Action<string, byte[]?> onChange, CancellationToken cancellation)
    {
        var body = Json(json =>
        {
            json.WriteStartObject("create_request");
            WritePrefix(json, prefix);
            json.WriteString("start_revision", Text(revision));
            json.WriteBoolean("progress_notify", true);
            json.WriteEndObject();
        });
        using var response = await SendAsync("watch", body, cancellation).ConfigureAwait(false);
        var stream = await BodyAsync(response, cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var reader = new StreamReader(stream, Encoding.UTF8);
            while (await reader.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
            {
                stream.Allow();
                TakeEvents(line, onChange);
            }
        }

        throw new EtcdException("etcd ended the watch");
    }

    private static void TakeEvents(string line, Action<string, byte[]?> onChange)
    {
        if (line.Length == 0) return;
        using var json = JsonDocument.Parse(line);
        if (!json.RootElement.TryGetProperty("result", out var result))
            throw new EtcdException($"etcd ended the watch: {(line.Length > 200 ? line[..200] : line)}");
        if (result.TryGetProperty("canceled", out var cancelled) && cancelled.ValueKind == JsonValueKind.True)
            throw new EtcdException("etcd cancelled the watch");
        if (!result.TryGetProperty("events", out var events)) return;
        foreach (var change in events.EnumerateArray())
        {
            var kv = change.GetProperty("kv");
            var isDeleted = change.TryGetProperty("type", out var type) && type.ValueEquals("DELETE");
            onChange(Encoding.UTF8.GetString(Bytes(kv, "key")), isDeleted ? null : Bytes(kv, "value"));
        }
    }

    private async Task<JsonDocument> CallAsync(string path, Action<Utf8JsonWriter> write, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(options.DialTimeout * 2, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            if (options.Username.Length > 0 && _token.Length == 0) await AuthenticateAsync(deadline.Token).ConfigureAwait(false);
            using var response = await SendAsync(path, Json(write), deadline.Token).ConfigureAwait(false);
            var stream = await BodyAsync(response, deadline.Token).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
                return await JsonDocument.ParseAsync(stream, default, deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or IOException
            || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            Interlocked.Increment(ref _endpoint);
            throw new EtcdException(
                $"etcd at {string.Join(", ", options.Endpoints)}: {(e is OperationCanceledException ? "no answer in time" : e.Message)}",
                e);
        }
    }

    private async Task AuthenticateAsync(CancellationToken cancellation)
    {
        using var response = await SendAsync("auth/authenticate", Json(json =>
        {
            json.WriteString("name", options.Username);
            json.WriteString("password", options.Password);
        }), cancellation).ConfigureAwait(false);
        var stream = await BodyAsync(response, cancellation).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var json = await JsonDocument.ParseAsync(stream, default, cancellation).ConfigureAwait(false);
            _token = json.RootElement.TryGetProperty("token", out var token) ? token.GetString() ?? "" : "";
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string path, byte[] body, CancellationToken cancellation)
    {
        var endpoint = options.Endpoints[(int)((uint)_endpoint % (uint)options.Endpoints.Count)];
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"{(options.IsTls ? "https" : "http")}://{endpoint}/v3/{path}")
        { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (_token.Length > 0) request.Headers.TryAddWithoutValidation("Authorization", _token);
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (response.IsSuccessStatusCode) return response;
        var text = await ErrorAsync(response, cancellation).ConfigureAwait(false);
        var status = (int)response.StatusCode;
        response.Dispose();
        if (text.Contains("invalid auth token", StringComparison.Ordinal)) _token = "";
        throw new EtcdException($"etcd answered {path} with {status}: {(text.Length > 300 ? text[..300] : text)}");
    }

    private static async Task<BoundedStream> BodyAsync(HttpResponseMessage response, CancellationToken cancellation) =>
        new(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false), MaxAnswerBytes,
            static most => new EtcdException($"etcd answered more than {most} bytes at once"));

    private static async Task<string> ErrorAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var bytes = new byte[MaxErrorBytes];
        var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            var count = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return Encoding.UTF8.GetString(bytes, 0, count);
        }
    }

    private static byte[] Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    // The range that ends before the first key without the prefix.
    private static void WritePrefix(Utf8JsonWriter json, string prefix)
    {
        var first = Encoding.UTF8.GetBytes(prefix);
        var end = (byte[])first.Clone();
        end[^1]++;
        json.WriteBase64String("key", first);
        json.WriteBase64String("range_end", end);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Number(JsonElement parent, string name) =>
        !parent.TryGetProperty(name, out var value) ? 0
        : value.ValueKind == JsonValueKind.Number ? value.GetInt64()
        : long.TryParse(value.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static byte[] Bytes(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.TryGetBytesFromBase64(out var bytes) ? bytes : [];
}

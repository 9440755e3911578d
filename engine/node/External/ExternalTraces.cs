using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.External;

/// <summary>
/// Asks another service for a trace: <c>GET {endpoint}/api/traces/{id}?start=&amp;end=</c>, protobuf, with the tenant's header; 404 is
/// "not there". What it answers joins a query's sources as live data does, so its spans are ordered, filtered and
/// de-duplicated with all others. A service that fails makes the answer partial. Thread safe.
/// </summary>
/// <param name="options">Which service.</param>
/// <param name="maxEntries">Attributes, events and links of an answer: an empty one takes 2 bytes there, and up to 40 in memory.</param>
/// <param name="metrics">For the times that it takes.</param>
/// <param name="time">For how long it may take.</param>
internal sealed class ExternalTraces(ExternalTraceOptions options, int maxEntries, MetricRegistry metrics, TimeProvider time) : IDisposable
{
    /// <summary>Longest answer that is taken: a service may not fill our memory.</summary>
    public const int MaxAnswerBytes = 64 << 20;

    /// <summary>Answers that are held at once; who comes later waits within the time that an answer has.</summary>
    private const int MaxAnswers = 4;

    private const int MaxErrorBytes = 256;

    private readonly SemaphoreSlim _answers = new(MaxAnswers);
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        ConnectTimeout = options.Timeout,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), // so that a name is looked up again
        AllowAutoRedirect = false,
        ActivityHeadersPropagator = null,
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    private readonly HistogramFamily _durations = metrics.Histogram(
        "tempo_querier_external_endpoint_request_duration_seconds", "Duration of requests for traces to the external endpoint.",
        [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10], "status_code");

    /// <summary>Whether a query that looks everywhere looks there too.</summary>
    public bool IsPartOfAll => options.IsPartOfAll;

    /// <summary>The tenants' spans of a trace there; the seconds are handed on, 0: no bound.</summary>
    public async Task<AddedSources> FindAsync(
        TenantSet tenants, TraceId id, long startSeconds, long endSeconds, CancellationToken cancellation)
    {
        var url = new Uri($"{options.Endpoint!.AbsoluteUri.TrimEnd('/')}/api/traces/{id}{RangeOf(startSeconds, endSeconds)}");
        var answers = await Task.WhenAll(tenants.Tenants.Select(tenant => FindAsync(tenant, url, cancellation))).ConfigureAwait(false);
        return new AddedSources([.. answers.Where(static answer => answer.Live is not null).Select(static answer => answer.Live!.Value)],
            [], answers.FirstOrDefault(static answer => answer.Error.Length > 0).Error ?? "");
    }

    public void Dispose()
    {
        _http.Dispose();
        _answers.Dispose();
    }

    private static string RangeOf(long startSeconds, long endSeconds)
    {
        var parts = new List<string>();
        if (startSeconds != 0) parts.Add(string.Create(CultureInfo.InvariantCulture, $"start={startSeconds}"));
        if (endSeconds != 0) parts.Add(string.Create(CultureInfo.InvariantCulture, $"end={endSeconds}"));
        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);
    }

    private async Task<(LiveBatchView? Live, string Error)> FindAsync(TenantId tenant, Uri url, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(options.Timeout, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        var (begun, status) = (time.GetTimestamp(), "error");
        try
        {
            await _answers.WaitAsync(deadline.Token).ConfigureAwait(false);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, url);
                request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/protobuf"));
                request.Headers.Add("X-Scope-OrgID", tenant.Value);
                using var response =
                    await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
                status = ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
                return await ReadAsync(response, deadline.Token).ConfigureAwait(false);
            }
            finally
            {
                _answers.Release();
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, Failed($"no answer within {options.Timeout.TotalSeconds:0.#} s"));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return (null, Failed(e.Message));
        }
        finally
        {
            _durations.With(status).Observe(time.GetElapsedTime(begun).TotalSeconds);
        }
    }

    private async Task<(LiveBatchView? Live, string Error)> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.StatusCode == HttpStatusCode.NotFound) return (null, "");
        using var body = new NativeBuffer(16 * 1024);
        await using var stream = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var isFine = response.StatusCode == HttpStatusCode.OK;
        var isWhole = await TryReadAsync(stream, body, isFine ? MaxAnswerBytes : MaxErrorBytes, cancellation).ConfigureAwait(false);
        if (!isFine)
            return (null, Failed($"status {(int)response.StatusCode}: {System.Text.Encoding.UTF8.GetString(body.Written).Trim()}"));
        if (!isWhole) return (null, Failed($"its answer has more than {MaxAnswerBytes} bytes"));
        var summary = default(OtlpRequestSummary);
        if (!OtlpTraceReader.TryRead(body.Written, ref summary, out var error))
            return (null, Failed($"its answer is no trace: {error.Message}"));
        if (summary.EntryCount > maxEntries)
            return (null, Failed($"its answer has {summary.EntryCount} attributes, events and links; the limit is {maxEntries}"));
        var batch = new LiveBatch();
        batch.Append(body.Written, int.MaxValue);
        return batch.Columns.SpanCount == 0 ? (null, "") : (batch.View(), "");
    }

    // False when there is more than the limit.
    private static async Task<bool> TryReadAsync(Stream stream, NativeBuffer body, int limit, CancellationToken cancellation)
    {
        var piece = new byte[64 * 1024];
        while (true)
        {
            var read = await stream.ReadAsync(piece, cancellation).ConfigureAwait(false);
            if (read == 0) return true;
            body.Append(piece.AsSpan(0, Math.Min(read, limit - body.Length)));
            if (body.Length == limit && read > 0)
                return await stream.ReadAsync(piece.AsMemory(0, 1), cancellation).ConfigureAwait(false) == 0;
        }
    }

    private static string Failed(string why) => $"querier.trace_by_id.external: {why}";
}

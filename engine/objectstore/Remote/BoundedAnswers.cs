using System.Diagnostics;
using System.Net.Http.Headers;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Breaks an answer off that is longer than any that was asked for, before a client reads it whole: the SDKs do so with listings and
/// errors, and somebody in the service's place would fill the memory of a node with one of these. A read of a range may be as long as the
/// range.
/// </summary>
internal sealed class BoundedAnswers(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>Of any other answer: a page of a thousand names of a kilobyte, each byte of them escaped, is 6 MB.</summary>
    public const long MaxOtherBytes = 16 << 20;

    /// <summary>A client whose attempts, deadlines and redirects are the caller's business.</summary>
    /// <param name="useProxy">Whether through the proxy that the environment names.</param>
    /// <param name="trustsAll">Whether whatever certificate the service shows will do.</param>
    public static HttpClient NewClient(bool useProxy = true, bool trustsAll = false)
    {
        var sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = useProxy,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            // Its requests have spans in our own traces (ProcessSpans); the service is told nothing of them.
            ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
        };
#pragma warning disable CA5359 // whoever configures it says so
        if (trustsAll) sockets.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        return new HttpClient(new BoundedAnswers(sockets)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (request.Method == HttpMethod.Head) return answer; // its length is the object's
        var most = Math.Max(RangeOf(request), MaxOtherBytes);
        if (answer.Content.Headers.ContentLength > most)
        {
            answer.Dispose();
            throw TooLong(most);
        }

        answer.Content = await BoundAsync(answer.Content, most, cancellationToken).ConfigureAwait(false);
        return answer;
    }

    private static HttpRequestException TooLong(long most) => new($"the answer has more than {most} bytes");

    // Azure's SDK has a header of its own.
    private static long RangeOf(HttpRequestMessage request)
    {
        var range = request.Headers.Range;
        if (range is null && request.Headers.TryGetValues("x-ms-range", out var values))
            _ = RangeHeaderValue.TryParse(string.Concat(values), out range);
        return range?.Ranges.FirstOrDefault() is { From: { } from, To: { } to } ? to - from + 1 : 0;
    }

    private static async Task<HttpContent> BoundAsync(HttpContent content, long most, CancellationToken cancellation)
    {
        var bounded =
            new StreamContent(new BoundedStream(await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false), most, TooLong));
        foreach (var (name, values) in content.Headers) bounded.Headers.TryAddWithoutValidation(name, values);
        return bounded;
    }
}

using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Config;

namespace Tempo.Host.Receivers;

/// <summary>
/// Answers browsers of other origins as the collector does (https://fetch.spec.whatwg.org/#http-cors-protocol): a preflight gets
/// 204, with the Access-Control headers if origin, method and headers are allowed; other requests get theirs beside the answer.
/// </summary>
internal sealed class CorsPolicy(CorsOptions options)
{
    // Always allowed, as nothing can be learned or done with them that a form could not do.
    private static readonly string[] SafeHeaders = ["accept", "content-type", "x-requested-with", "origin"];

    /// <summary>Puts a policy in front of a handler; without options there is none.</summary>
    public static Func<HttpContext, Task> Around(CorsOptions? options, Func<HttpContext, Task> handle)
    {
        if (options is null) return handle;
        var policy = new CorsPolicy(options);
        return context => policy.TryAnswer(context) ? Task.CompletedTask : handle(context);
    }

    /// <summary>True: it was a preflight, and is answered.</summary>
    public bool TryAnswer(HttpContext context)
    {
        var origin = context.Request.Headers.Origin.ToString();
        var answer = context.Response.Headers;
        answer.Vary = "Origin";
        var isPreflight =
            HttpMethods.IsOptions(context.Request.Method) && context.Request.Headers.ContainsKey("Access-Control-Request-Method");
        if (!isPreflight)
        {
            if (origin.Length == 0 || !IsAllowedOrigin(origin)) return false;
            answer.AccessControlAllowOrigin = origin;
            answer.AccessControlAllowCredentials = "true";
            if (options.ExposedHeaders.Count > 0) answer.AccessControlExposeHeaders = string.Join(", ", options.ExposedHeaders);
            return false;
        }

        answer.Vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        var method = context.Request.Headers.AccessControlRequestMethod.ToString();
        var headers = context.Request.Headers.AccessControlRequestHeaders.ToString();
        if (!IsAllowedOrigin(origin) || method is not ("GET" or "POST" or "HEAD") || !AreAllowed(headers)) return true;
        answer.AccessControlAllowOrigin = origin;
        answer.AccessControlAllowMethods = method;
        if (headers.Length > 0) answer.AccessControlAllowHeaders = headers;
        answer.AccessControlAllowCredentials = "true";
        if (options.MaxAgeSeconds > 0) answer.AccessControlMaxAge = options.MaxAgeSeconds.ToString(CultureInfo.InvariantCulture);
        return true;
    }

    private bool IsAllowedOrigin(string origin) => origin.Length > 0 && options.AllowedOrigins.Any(pattern => Matches(pattern, origin));

    private bool AreAllowed(string headers) => options.AllowedHeaders.Contains("*")
        || headers.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).All(name =>
            SafeHeaders.Contains(name, StringComparer.OrdinalIgnoreCase)
                || options.AllowedHeaders.Contains(name, StringComparer.OrdinalIgnoreCase));

    // One star, as the collector has it.
    private static bool Matches(string pattern, string origin)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        if (star < 0) return pattern.Equals(origin, StringComparison.OrdinalIgnoreCase);
        return origin.Length >= pattern.Length - 1 && origin.StartsWith(pattern[..star], StringComparison.OrdinalIgnoreCase)
            && origin.EndsWith(pattern[(star + 1)..], StringComparison.OrdinalIgnoreCase);
    }
}

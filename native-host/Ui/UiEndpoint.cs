using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tempo.Host.Http;

namespace Tempo.Host.Ui;

/// <summary>
/// A page of our own at <c>/ui</c>: search, results, one trace. Three files in the binary, without a build step and without
/// anything from elsewhere. The policy lets the browser run and load these files and nothing else, so that a span's name
/// stays a text even if the page had a defect. (<c>/</c> is a 404, as in Tempo.)
/// </summary>
internal static class UiEndpoint
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

    /// <param name="pathPrefix">Put in front of all paths.</param>
    /// <param name="apiPrefix">Put in front of the paths that the page asks, after the other.</param>
    public static ApiRoute[] Routes(string pathPrefix, string apiPrefix) =>
    [
        File("/ui", "ui", "text/html; charset=utf-8", Read("index.html")
            .Replace("{{path-prefix}}", WebUtility.HtmlEncode(pathPrefix), StringComparison.Ordinal)
            .Replace("{{api-prefix}}", WebUtility.HtmlEncode(pathPrefix + apiPrefix), StringComparison.Ordinal)),
        File("/ui/app.js", "ui_app_js", "text/javascript; charset=utf-8", Read("app.js")),
        File("/ui/style.css", "ui_style_css", "text/css; charset=utf-8", Read("style.css")),
    ];

    private static ApiRoute File(string path, string name, string contentType, string text)
    {
        var content = Encoding.UTF8.GetBytes(text);
        return new ApiRoute(path, name, AllowedMethods.Get, (context, _) =>
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = Policy;
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "no-referrer";
            headers.CacheControl = "no-cache";
            context.Response.ContentType = contentType;
            context.Response.ContentLength = content.Length;
            return context.Response.Body.WriteAsync(content, context.RequestAborted).AsTask();
        });
    }

    private static string Read(string name)
    {
        using var reader = new StreamReader(typeof(UiEndpoint).Assembly.GetManifestResourceStream($"Ui/{name}")!, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}

using System.Net.Security;
using Tempo.Engine.Node;

namespace Tempo.Host.Config;

/// <summary>One receiver.</summary>
public sealed class ReceiverOptions
{
    /// <summary>The collector's defaults, which Tempo takes over: the loopback only.</summary>
    public static readonly ListenAddress DefaultGrpc = new("localhost", 4317);
    public static readonly ListenAddress DefaultHttp = new("localhost", 4318);

    public required ListenAddress Listen { get; set; }

    /// <summary>Largest request after decompression, in bytes; at most what can be stored, which is the default.</summary>
    public int MaxRequestBytes { get; set; } = NodeOptions.MaxRequestBytes;

    /// <summary>Null: without TLS.</summary>
    public TlsOptions? Tls { get; set; }

    /// <summary>Null: no answer to browsers of other origins.</summary>
    public CorsOptions? Cors { get; set; }

    /// <summary>Of Zipkin: tags whose text is a number or a boolean become one.</summary>
    public bool ParsesTags { get; set; }

    /// <summary>The server below it.</summary>
    public ReceiverServerOptions Server { get; } = new();
}

/// <summary>The receivers that are started; null: not.</summary>
public sealed class ReceiverSet
{
    /// <summary>With no configuration file both OTLP receivers listen on the loopback.</summary>
    public ReceiverOptions? OtlpGrpc { get; set; } = new() { Listen = ReceiverOptions.DefaultGrpc };
    public ReceiverOptions? OtlpHttp { get; set; } = new() { Listen = ReceiverOptions.DefaultHttp };
    public ReceiverOptions? Zipkin { get; set; }
    public ReceiverOptions? JaegerGrpc { get; set; }
    public ReceiverOptions? JaegerHttp { get; set; }
    public ReceiverOptions? JaegerCompact { get; set; }
    public ReceiverOptions? JaegerBinary { get; set; }

    /// <summary>None is started, until the configuration names it.</summary>
    public void Clear() => OtlpGrpc = OtlpHttp = Zipkin = JaegerGrpc = JaegerHttp = JaegerCompact = JaegerBinary = null;
}

/// <summary>TLS of a listener: files in PEM.</summary>
public sealed class TlsOptions
{
    /// <summary>The certificate, and those that lead to its root, in that order.</summary>
    public string CertFile { get; set; } = "";
    public string KeyFile { get; set; } = "";

    /// <summary>Roots of the clients' certificates.</summary>
    public string ClientCaFile { get; set; } = "";

    public ClientAuthentication ClientAuthentication { get; set; }

    /// <summary>Time between two looks at the files, taken when a client connects.</summary>
    public TimeSpan ReloadInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>1.2 or 1.3.</summary>
    public string MinVersion { get; set; } = "1.2";

    /// <summary>1.2 or 1.3; empty: the newest.</summary>
    public string MaxVersion { get; set; } = "";

    /// <summary>What TLS 1.2 may encrypt with; empty: what the library thinks good. Those of 1.3 cannot be chosen, as in Go.</summary>
    public IReadOnlyList<TlsCipherSuite> CipherSuites { get; set; } = [];
}

/// <summary>What is asked of clients.</summary>
public enum ClientAuthentication
{
    /// <summary>A verified certificate if there is a file of roots, else none.</summary>
    ByRoots,
    None,

    /// <summary>A certificate, if one is given, must be verified.</summary>
    VerifyIfGiven,
    RequireAndVerify,
}

/// <summary>Cross-origin requests of browsers.</summary>
public sealed class CorsOptions
{
    /// <summary>Such as <c>https://*.example.com</c>; <c>*</c> stands for any text.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; set; } = [];

    /// <summary>Headers beyond those that are always allowed; <c>*</c>: every one.</summary>
    public IReadOnlyList<string> AllowedHeaders { get; set; } = [];

    /// <summary>Headers of answers that a page of another origin may read.</summary>
    public IReadOnlyList<string> ExposedHeaders { get; set; } = [];

    /// <summary>Seconds that a browser keeps the answer to a preflight; 0: its own default.</summary>
    public int MaxAgeSeconds { get; set; }
}

namespace Tempo.Engine.ObjectStore;

/// <summary>
/// Who this process is could not be proven: no token of the cloud's identity service. Never an answer of the object service: a 404 of a
/// metadata server does not say that an object is not there. The text says who was asked for what, and has nothing of the answer that may
/// be a secret.
/// </summary>
/// <param name="message">What was asked of whom, and what came of it.</param>
/// <param name="isTransient">Whether the same request may go better later.</param>
internal sealed class IdentityException(string message, bool isTransient) : Exception(message)
{
    private const int MaxTextLength = 600;

    public bool IsTransient { get; } = isTransient;

    /// <summary>
    /// What a cloud's own library says of its failure, without the answers that it quotes: a token stands in these if what was wrong was
    /// only their status or form. They are JSON or XML, so that all from the first brace or angle bracket on is left out.
    /// </summary>
    public static string Clean(string text)
    {
        var answer = text.AsSpan().IndexOfAny('{', '<');
        var told = (answer < 0 ? text : text[..answer] + "… (what was answered is not shown: it may be a token)").ReplaceLineEndings(" ");
        return told.Length > MaxTextLength ? told[..MaxTextLength] + "…" : told;
    }
}

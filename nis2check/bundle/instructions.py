# SPDX-License-Identifier: EUPL-1.2
"""``VERIFIER.txt``: how to verify a bundle without nis2check. It is covered by the signature, so it says nothing of one."""

from __future__ import annotations

from nis2check.bundle.manifest import MANIFEST, SIGNATURE, SUMS, TOKEN
from nis2check.bundle.sshsig import NAMESPACE

_TEXT = """\
VÉRIFIER CE DOSSIER SANS NIS2CHECK            (English below)

1. Ouvrir l'archive dans un dossier vide, puis y entrer :
     unzip dossier.zip -d dossier && cd dossier
2. Vérifier chaque fichier (macOS : shasum -a 256 -c {sums}) :
     sha256sum -c {sums}
3. Vérifier {sums} lui-même : son empreinte doit être celle que donne {manifest}, à la ligne qui suit "{sums}" :
     sha256sum {sums}
     grep -A 1 '"{sums}"' {manifest}
4. Si {signature} est là, vérifier qui a signé {manifest}. La clé publique du signataire doit vous être venue
   autrement que par cette archive. Écrire dans un fichier « signataires » une ligne :
     NOM namespaces="{namespace}" TYPE CLÉ              (TYPE CLÉ : le contenu de son fichier .pub)
   puis :
     ssh-keygen -Y verify -f signataires -I NOM -n {namespace} -s {signature} < {manifest}
5. Si {token} est là, vérifier la date avec le certificat de l'autorité d'horodatage (autorite.pem) :
     openssl ts -verify -data {manifest} -in {token} -CAfile autorite.pem
     openssl ts -reply -in {token} -text
   Pour horodater un dossier qui ne l'est pas : en extraire {manifest}, puis
     openssl ts -query -data {manifest} -sha256 -cert -out demande.tsq
   envoyer demande.tsq à l'autorité de votre choix, et refaire le dossier avec --timestamp-token REPONSE.tsr.
6. Rejouer le jugement, avec nis2check dans la version que nomme {manifest} :
     nis2check verify dossier.zip

Ce que cela prouve : que rien n'a changé depuis la signature. Pas que les réponses attestées sont vraies.


VERIFY THIS BUNDLE WITHOUT NIS2CHECK

1. Open the archive in an empty folder, then enter it:
     unzip dossier.zip -d dossier && cd dossier
2. Verify each file (macOS: shasum -a 256 -c {sums}):
     sha256sum -c {sums}
3. Verify {sums} itself: its hash must be the one that {manifest} gives on the line after "{sums}":
     sha256sum {sums}
     grep -A 1 '"{sums}"' {manifest}
4. If {signature} is there, verify who signed {manifest}. The public key of the signer must have come to you
   by another way than this archive. Write one line in a file "signataires":
     NAME namespaces="{namespace}" TYPE KEY             (TYPE KEY: the content of the signer's .pub file)
   then:
     ssh-keygen -Y verify -f signataires -I NAME -n {namespace} -s {signature} < {manifest}
5. If {token} is there, verify the date with the certificate of the time-stamping authority (autorite.pem):
     openssl ts -verify -data {manifest} -in {token} -CAfile autorite.pem
     openssl ts -reply -in {token} -text
   To time-stamp a bundle that is not: extract {manifest}, then
     openssl ts -query -data {manifest} -sha256 -cert -out demande.tsq
   send demande.tsq to the authority of your choice, and make the bundle again with --timestamp-token ANSWER.tsr.
6. Judge again, with nis2check in the version that {manifest} names:
     nis2check verify dossier.zip

What this proves: that nothing changed since the signature. Not that the attested answers are true.
"""


def text() -> bytes:
    """The same bytes in every bundle."""
    return _TEXT.format(sums=SUMS, manifest=MANIFEST, signature=SIGNATURE, token=TOKEN, namespace=NAMESPACE).encode()
